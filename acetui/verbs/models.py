"""``acetui models``: what is here, what this machine wants, and bringing it here."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acetui.checkup import machine
from acetui.how_long import size, within
from acetui.progress import ProgressLine
from engine import Cancelled, InvalidRequest
from engine.cards import SIMULATED
from engine.errors import BadCheckpoint
from engine.hub import catalogue
from engine.hub.bringing import bring
from engine.hub.catalogue import MODELS, Model, wanted
from engine.hub.checking import check
from engine.hub.getting import Progress
from engine.hub.here import Present, elsewhere, own_root, present

_SAMPLES = 1.0
"""Seconds that have to go by before a speed means anything."""


def run(args: argparse.Namespace) -> int:
    """The verb: 0 where all is well, 3 where a model that was named is not there or not whole."""
    env = {**os.environ, **({SIMULATED: f"{args.vram:g}"} if args.vram is not None else {})}
    root = own_root(args.models, env)
    jobs = {"list": _list, "get": _get, "verify": _verify, "path": _path}
    return jobs[args.job](args, root, env)


def _here(root: Path) -> dict[str, Present]:
    return {each.name: each for each in present(root)} if root.is_dir() else {}


def _list(args: argparse.Namespace, root: Path, env: Mapping[str, str]) -> int:
    """Every model that is published, and every other one that is here."""
    if args.names:
        raise InvalidRequest("'list' takes no names.", "'acetui models list' shows all of them.")
    here, want = _here(root), wanted(machine.look(env)[1])
    rows = [_row(model, here.pop(model.name, None), model in want, elsewhere(model, root, env)) for model in MODELS]
    rows += [_other(each) for each in here.values()]
    if args.json:
        for row in rows:
            print(json.dumps({"event": "model", **row}))
        return 0
    print(f"Models in {root}:")
    for row in rows:
        print(_line(row))
    if missing := [row for row in rows if row["wanted"] and not row["here"]]:
        total = sum(row["bytes"] for row in missing if not row["elsewhere"])
        what = f"; {size(total)} to download" if total else ""
        print(f"'acetui models get' brings what this machine wants (*){what}.")
    return 0


def _row(model: Model, there: Present | None, want: bool, lies: Path | None) -> dict[str, Any]:
    whole = there is not None and not there.trouble
    return {
        "name": model.name,
        "short": model.short,
        "kind": model.kind,
        "about": model.about,
        "repo": model.repo,
        "bytes": there.size if there is not None and whole else model.size,
        "here": whole,
        "folder": str(there.folder) if there is not None else None,
        "linked": there is not None and there.linked,
        "trouble": there.trouble or None if there is not None else None,
        "elsewhere": None if whole or lies is None else str(lies),
        "wanted": want,
    }


def _other(each: Present) -> dict[str, Any]:
    """A model that is nobody's publication, such as a person's own."""
    return {
        **dict.fromkeys(("about", "repo", "elsewhere")),
        "name": each.name,
        "short": each.name,
        "kind": each.kind,
        "bytes": each.size,
        "here": not each.trouble,
        "folder": str(each.folder),
        "linked": each.linked,
        "trouble": each.trouble or None,
        "wanted": False,
    }


def _line(row: Mapping[str, Any]) -> str:
    state = "here" if row["here"] else "unfinished" if row["trouble"] else "elsewhere" if row["elsewhere"] else ""
    if row["here"] and row["linked"]:
        state = "linked"
    mark = "*" if row["wanted"] else " "
    return (
        f" {mark} {row['short']:<22}{row['kind']:<14}{size(row['bytes']):>8}  {state:<11}{row['about'] or ''}".rstrip()
    )


def _get(args: argparse.Namespace, root: Path, env: Mapping[str, str]) -> int:
    """Brings the named models and what they need, or what this machine wants."""
    asked = [catalogue.find(name) for name in args.names] or wanted(machine.look(env)[1])
    report = _Downloads(as_json=args.json)

    def got(model: Model, how: str) -> None:
        report.got(model, how, root / model.name)

    try:
        bring(
            asked,
            root,
            env=env,
            told=report.progress,
            got=got,
            said=report.said,
            hub=args.hub,
            thorough=bool(args.names),
        )
    except KeyboardInterrupt:
        raise Cancelled(hint="What has arrived is kept; the same command goes on from there.") from None
    finally:
        report.close()
    return 0


def _verify(args: argparse.Namespace, root: Path, env: Mapping[str, str]) -> int:
    """Looks at the named models, or all that are here."""
    here = _here(root)
    named = [_found(name, here, root) for name in args.names] or list(here.values())
    if not named:
        raise BadCheckpoint(f"There are no models in {root}.", "'acetui models get' downloads what this machine wants.")
    line, broken = ProgressLine(sys.stderr), 0

    def show(name: str, done: int, total: int) -> None:
        line.update(f"checking {name}", done, total)

    for model in named:
        verdict = check(model, show)
        line.clear()
        broken += bool(verdict.trouble)
        if args.json:
            told = {"name": verdict.name, "ok": not verdict.trouble, "how": verdict.how, "files": verdict.files}
            print(json.dumps({"event": "verify", **told, "trouble": verdict.trouble or None}))
        elif verdict.trouble:
            print(f"{verdict.name}: {verdict.trouble} 'acetui models get {verdict.name}' mends it.")
        else:
            known = f"{verdict.files} checksums" if verdict.files else "its headers; it came without checksums"
            print(f"{verdict.name}: whole, by {known}")
    return BadCheckpoint.exit_code if broken else 0


def _path(args: argparse.Namespace, root: Path, env: Mapping[str, str]) -> int:
    """The folder of the models, or of each that is named."""
    here = _here(root) if args.names else {}
    for folder in [_found(name, here, root).folder for name in args.names] or [root]:
        print(json.dumps({"event": "path", "path": str(folder)}) if args.json else folder)
    return 0


def _found(name: str, here: Mapping[str, Present], root: Path) -> Present:
    """A model that is here, by its folder's name or its short one; raises BadCheckpoint where it is not."""
    if name in here:
        return here[name]
    model = catalogue.find(name)
    if model.name not in here:
        raise BadCheckpoint(f"{model.name} is not in {root}.", f"'acetui models get {model.short}' downloads it.")
    return here[model.name]


class _Downloads:
    """What is told while models come: a line for people, or JSON lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._line = ProgressLine(sys.stderr)
        self._began: dict[str, tuple[float, int]] = {}
        self._told = 0.0

    def progress(self, now: Progress) -> None:
        """A piece has arrived."""
        clock = time.monotonic()
        began, already = self._began.setdefault(now.model, (clock, now.done))
        if self._as_json:
            if clock - self._told >= _SAMPLES or now.done == now.total:
                self._told = clock
                told = {"stage": "download", "done": now.done, "total": now.total, "take": None}
                print(json.dumps({"event": "progress", **told, "model": now.model, "file": now.file}), flush=True)
            return
        more = "MB"
        if clock - began > _SAMPLES and now.done > already:
            rate = (now.done - already) / (clock - began)
            rest = (now.total - now.done) / rate
            more = f"MB, {size(rate)}/s, {within((rest, rest))} left"
        self._line.update(now.model, now.done // 10**6, now.total // 10**6, more=more)

    def said(self, sentence: str) -> None:
        """Something is worth a word."""
        self._line.clear()
        if self._as_json:
            print(json.dumps({"event": "notice", "text": sentence}), flush=True)
        else:
            print(sentence, file=sys.stderr, flush=True)

    def got(self, model: Model, how: str, place: Path) -> None:
        """A model is in its place."""
        self._line.clear()
        if self._as_json:
            told = {"name": model.name, "how": how, "folder": str(place)}
            print(json.dumps({"event": "model", **told}), flush=True)
        elif how == "linked":
            print(f"{model.name}: used in place, from {place.resolve()}")
        else:
            print(f"{model.name}: {'is here already' if how == 'here' else f'downloaded to {place}'}")

    def close(self) -> None:
        """Leaves no line behind."""
        self._line.clear()
