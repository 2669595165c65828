"""``acetui takes`` and ``acetui take``: what there is, and what a person thinks of it."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from acetui.how_long import clock_time
from acetui.verbs.report import sketch_mark
from acetui.verbs.take_words import every, find, open_takes
from acetui.verbs.verdicts import VERDICTS, Verdict
from engine import InvalidRequest
from engine.scoring.ranking import are_ties
from sessions.places import find_session

_NOTE_CELLS = 80


def run_takes(args: argparse.Namespace) -> int:
    """``acetui takes``: prints the takes that pass, in their order."""
    session = find_session(args.session)

    async def list_takes() -> int:
        by_score = args.sort.lstrip("- ").startswith("score")
        before: Mapping[str, Any] | None = None
        async with open_takes(session, write=False) as takes:
            async for take in every(takes, args.filter, args.sort, args.top):
                _print(take, as_json=args.json, tie=by_score and before is not None and _level(take, before))
                before = take
        return 0

    return asyncio.run(list_takes())


def run_take(args: argparse.Namespace) -> int:
    """``acetui take``: gives every take that is named its mark, and prints it as it is then."""
    session = find_session(args.session)
    verdict = VERDICTS[args.verdict]
    words, value = _divided(args.verdict, verdict, args.takes)

    async def judge() -> int:
        async with open_takes(session, write=verdict.marks is not None or verdict.deletes) as takes:
            named = await find(takes, words)
            if verdict.deletes:
                _check_trashed(named)
            for take in named:
                if verdict.deletes:
                    take = {**await takes.delete(take["number"]), "deleted": True}
                elif verdict.marks is not None:
                    take = await takes.change(take["number"], **verdict.marks(take, value))
                if args.verdict == "show":
                    take = {**take, "why": await takes.why(take["number"])}
                if args.verdict == "show" and not args.json:
                    print(json.dumps(take, indent=2, ensure_ascii=False))
                else:
                    _print(take, as_json=args.json)
        return 0

    return asyncio.run(judge())


def _check_trashed(takes: Sequence[Mapping[str, Any]]) -> None:
    """Nothing is deleted where one of the takes is still wanted."""
    for take in takes:
        if not take["trashed"]:
            raise InvalidRequest(f"Take {take['number']} is not in the trash.", "Move it there first, with 'trash'.")


def _divided(name: str, verdict: Verdict, words: Sequence[str]) -> tuple[Sequence[str], str]:
    """The takes, and what stands behind them."""
    if verdict.value is None:
        return words, ""
    if len(words) < 2:
        raise InvalidRequest(f"'{name}' needs takes, and behind them {verdict.value}.", f"As in '{name} 12-18 ...'.")
    verdict.marks and verdict.marks({"tags": []}, words[-1])  # a wrong value is refused before anything is opened
    return words[:-1], words[-1]


def _level(take: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a take may be as good as the one before it; what did not pass is compared with nothing that did."""
    scored = take["score"] is not None and bool(take["faults"]) == bool(before["faults"])
    return scored and are_ties(take["score"], before["score"])


def _print(take: Mapping[str, Any], *, as_json: bool, tie: bool = False) -> None:
    print(json.dumps({"event": "take", **take}) if as_json else line(take, tie=tie))


def _short(note: str) -> str:
    """A note in a list: a line of it; all of it is in what 'show' and ``--json`` print."""
    words = " ".join(note.split())
    return words if len(words) <= _NOTE_CELLS else f"{words[: _NOTE_CELLS - 3]}..."


def line(take: Mapping[str, Any], *, tie: bool = False) -> str:
    """A take in a list, and how it was made from another; a ``tie`` with the one before it is marked."""
    score = "   -" if take["score"] is None else f"{take['score']:.2f}"
    rest = [
        "" if (how := take.get("operation")) in (None, "render") else str(how),
        "*" * take["rating"] if take["rating"] else "",
        "deleted" if take.get("deleted") else "trash" if take["trashed"] else "",
        "" if take["stored"] == "whole" else take["stored"],
        *(f"fault: {fault}" for fault in take["faults"]),
        *(f"#{tag}" for tag in take["tags"]),
        _short(take["note"]),
    ]
    score += "~" if tie else " "
    head = f"{take['number']:>5}  {score} {take['verdict']:<8}  {clock_time(take['duration']):>5}  {take['name']}"
    return "  ".join([head, f"seed {take['seed']}", *filter(None, rest), *sketch_mark(take)])
