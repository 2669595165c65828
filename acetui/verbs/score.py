"""``acetui score``: what can be heard of any audio file, and what that comes to."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acetui.verbs.report import print_error
from acetui.verbs.side_program import side_program
from engine import EngineError
from engine.scoring.agreement import unsure
from engine.scoring.ranking import PART_NAMES

MISSING = 3


def run(args: argparse.Namespace) -> int:
    """The verb: a line for every file. One that cannot be judged is told of, and the others are judged."""
    asked = {name: getattr(args, name) for name in ("bpm", "keyscale") if getattr(args, name) is not None}
    code = 0
    with side_program("engine.scoring.files", "Judging audio") as ask:
        for file in args.files:
            path = str(Path(file).expanduser())
            answer = ask({"file": path, "asked": asked})
            if "error" in answer:
                code = max(code, _refused(file, answer, as_json=args.json))
            elif args.json:
                found = {
                    name: answer[name] for name in ("score", "parts", "faults", "measured", "asked", "planned", "why")
                }
                print(json.dumps({"event": "score", "file": file, **found}), flush=True)
            else:
                _tell(file, answer, explain=args.explain)
    return code


def _refused(file: str, answer: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        told = {"error": answer["error"], "hint": answer["hint"], "field": None, "file": file}
        print(json.dumps({"event": "error", **told}), flush=True)
    else:
        print_error(EngineError(answer["error"], answer["hint"]), as_json=False)
    return MISSING if answer["missing"] else EngineError.exit_code


def _tell(file: str, answer: Mapping[str, Any], *, explain: bool) -> None:
    score = "   -" if answer["score"] is None else f"{answer['score']:.2f}"
    faults = "".join(f"  fault: {fault}" for fault in answer["faults"])
    print(f"{score}  {file}{faults or _without(answer['why'])}", flush=True)
    if explain:
        for line in _reasons(answer):
            print(f"      {line}", flush=True)


def _without(why: Mapping[str, Any]) -> str:
    """What a score leaves out, and why there is none: nobody should take half of the truth for all of it."""
    missing = [PART_NAMES.get(part["name"], part["name"]) for part in why["parts"] if part["value"] is None]
    without = f"without {' and '.join(missing)}" if missing else ""
    if why["score"] is None:
        return f"  no score {without}".rstrip()
    return f"  {without}" if missing else ""


def _reasons(answer: Mapping[str, Any]) -> Iterator[str]:
    """What the score is made of, what is missing, and what was heard."""
    why, heard = answer["why"], answer["measured"]
    for part in why["parts"]:
        value = "missing" if part["value"] is None else f"{part['value']:.2f}"
        yield f"{PART_NAMES.get(part['name'], part['name']):<14} {value:>7}  of weight {part['weight']:g}"
    if answer["faults"]:
        yield "It did not pass, so it is ranked behind all that did."
    if answer["score"] is None:
        yield f"No overall: {why['present']:.0%} of the weights are there, and half of them are needed."
    if heard:
        bpm, key = _wanted(answer, "bpm"), _wanted(answer, "keyscale")
        yield f"heard {heard['bpm']:g} bpm ({bpm}), {heard['keyscale']} ({key})"
        yield f"true peak {heard['true_peak']:.1f} dBTP, {heard['repeated']:.0%} of it comes again nearly exactly"


def _wanted(answer: Mapping[str, Any], name: str) -> str:
    """What tempo or key are held against, and whether they are: what is not heard surely does not count."""
    if name in answer["asked"]:
        wanted = f"asked for {_shown(answer['asked'][name])}"
    elif name in answer["planned"]:
        wanted = f"the planner chose {_shown(answer['planned'][name])}"
    else:
        return "none asked for"
    return f"{wanted}; not heard surely, so it does not count" if unsure(answer["measured"], name) else wanted


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
