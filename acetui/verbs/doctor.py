"""``acetui doctor``: what this machine is, what it allows, and what is wrong, each with one thing to do about it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from acetui.checkup import machine, models, surroundings
from acetui.checkup.finding import ADVICE, Finding, Problem
from acetui.how_long import size
from engine import __version__
from engine.cards import SIMULATED

_MARGIN = 14
_WIDTH = 100


def run(args: argparse.Namespace) -> int:
    """The verb; returns the code of the most serious problem."""
    env = {**os.environ, **({SIMULATED: f"{args.vram:g}"} if args.vram is not None else {})}
    facts, problems = examine(env, args.models)
    if args.json:
        print(json.dumps({**facts, "advice": [problem.to_dict() for problem in problems]}))
    else:
        print("\n".join(report(facts, problems)))
    return max((problem.code for problem in problems), default=ADVICE)


def examine(env: Mapping[str, str], named: str | None = None) -> tuple[dict[str, Any], list[Problem]]:
    """Everything that is found, and what is wrong, the serious things first."""
    here, allowed = machine.look(env)
    findings: list[Finding] = [
        here,
        surroundings.engine_starts(),
        models.look(allowed, named, env),
        surroundings.sound(env),
        surroundings.terminal(env),
        surroundings.disks(env),
        surroundings.logging_out(env),
    ]
    facts: dict[str, Any] = {"version": __version__}
    for finding in findings:
        facts |= finding.facts
    problems = [problem for finding in findings for problem in finding.problems]
    return facts, sorted(problems, key=lambda problem: problem.code == ADVICE)


def report(facts: Mapping[str, Any], problems: list[Problem]) -> Iterator[str]:
    """The lines for a person."""
    yield from _said("acetui", f"{facts['version']}, Python {facts['machine']['python']}, {_torch(facts)}")
    yield from _machine(facts)
    for choice in facts["choices"]:
        yield from _said(choice["name"], f"{choice['value']}. {choice['why']} ({choice['override']})")
    yield ""
    yield from _models(facts["models"])
    yield from _said("sound", _sound(facts["sound"]))
    yield from _said("terminal", _terminal(facts["terminal"]))
    sessions = facts["folders"]["sessions"]
    room = f"{size(sessions['free_bytes'])} free, room for about {sessions['takes_left']:,} takes of a minute"
    yield from _said("sessions", f"{sessions['count']} in {sessions['folder']}; {room}")
    yield ""
    for problem in problems:
        sign = "!" if problem.code != ADVICE else "-"
        yield from _wrapped(f"{sign} {problem.error} {problem.hint}", "", "  ")
    if not problems:
        yield "Nothing is wrong."


def _said(name: str, text: str) -> Iterator[str]:
    yield from _wrapped(text, f"{name:<{_MARGIN - 1}} " if len(name) < _MARGIN else f"{name}: ", " " * _MARGIN)


def _wrapped(text: str, first: str, others: str) -> Iterator[str]:
    yield from wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _torch(facts: Mapping[str, Any]) -> str:
    torch = facts["machine"]["torch"]
    return f"torch {torch['version']} for {torch['build']}" if torch else "no torch"


def _machine(facts: Mapping[str, Any]) -> Iterator[str]:
    computer = facts["machine"]
    cores = f"{computer['cores']} cores" if computer["cores"] != 1 else "one core"
    yield from _said("machine", f"{computer['processor']}, {cores}, {computer['memory_gb']:g} GB; {computer['system']}")
    for card in facts["gpus"]:
        yield from _said("card" if card["chosen"] else "other card", _card(card))
    if not facts["gpus"]:
        yield from _said("card", "simulated" if facts["simulated"] else "none")
    simulated = ", simulated" if facts["simulated"] else ""
    what = "a machine without a card" if facts["device"] == "cpu" else f"{facts['memory_gb']:g} GB{simulated}"
    yield from _said("tier", f"{facts['tier']}: {what}")
    yield from _said("engines", _engines(facts["engines"]))
    yield ""


def _engines(facts: Mapping[str, Any]) -> str:
    """How many a session has here, and how it has more."""
    asked = f" (ACETUI_WORKERS is {facts['asked']})" if facts["asked"] else ""
    used = "those of a Ray cluster" if facts["used"] is None else str(facts["used"])
    more = f"{facts['auto']} with --workers auto, one a card" if facts["auto"] > 1 else "--workers auto is one here"
    return f"{used}{asked}; {more}"


def _card(card: Mapping[str, Any]) -> str:
    parts = [card["name"]]
    if card["total_gb"] is not None:
        parts.append(f"{card['free_gb']:g} of {card['total_gb']:g} GB free")
    signs = {"utilisation": " % busy", "temperature": " °C", "power": " W"}
    parts += [f"{card[name]:.0f}{sign}" for name, sign in signs.items() if card[name] is not None]
    count = len(card["processes"])
    parts += ["one process there" if count == 1 else f"{count} processes there"] if count else []
    parts += [f"driver {card['driver']}"] if card["driver"] else []
    return ", ".join(parts)


def _models(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["sketch"]:
        yield from _said("models", "the one in the box, which sketches")
    elif facts["here"]:
        names = ", ".join(each["name"] for each in facts["here"] if not each["trouble"])
        yield from _said("models", f"{names or 'none that can be used'}; in {facts['folder']}")
    missing = [each for each in facts["wanted"] if not each["here"]]
    if missing:
        told = [f"{each['name']} ({_where(each)})" for each in missing]
        yield from _said("wanted", f"{', '.join(told)}")


def _where(each: Mapping[str, Any]) -> str:
    return f"it is in {each['elsewhere']}" if each["elsewhere"] else size(each["bytes"])


def _sound(facts: Mapping[str, Any]) -> str:
    heard = [*facts["devices"], *facts["players"]]
    return f"{', '.join(heard) or 'none'}{'; you are here over ssh' if facts['over_ssh'] else ''}"


def _terminal(facts: Mapping[str, Any]) -> str:
    columns, lines = facts["size"]
    parts = [facts["term"] or "unknown", f"{columns} by {lines}", f"{facts['colours']} colours"]
    parts += [] if facts["utf8"] else ["no Unicode"]
    return ", ".join([*parts, *([facts["multiplexer"]] if facts["multiplexer"] else [])])
