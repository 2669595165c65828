"""What ``acetui jam`` says: calm lines and a status line for people, every event as a JSON line for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from acetui.how_long import clock_time, left
from acetui.progress import ProgressLine
from acetui.verbs.report import sketch_mark
from sessions.autogen import AutoGen

SILENT = ("idle", "rendering", "stopped")
"""States that need no words for a person: the status line or the report says more."""


class JamReport(Protocol):
    """Where a jam's events go."""

    def show(self, event: Mapping[str, Any], autogen: AutoGen) -> None:
        """One event; ``autogen`` knows where the run stands."""

    def close(self) -> None:
        """Nothing more comes from here."""


class JsonJam:
    """Every event as a line on standard output."""

    def show(self, event: Mapping[str, Any], autogen: AutoGen) -> None:
        """The event as it is, without its number, which means nothing outside this process."""
        print(json.dumps({name: value for name, value in event.items() if name != "id"}), flush=True)

    def close(self) -> None:
        """Every line was flushed when it was written."""


class HumanJam:
    """A line a take and the report on standard output; all else on standard error."""

    def __init__(self) -> None:
        self._line = ProgressLine(sys.stderr)

    def show(self, event: Mapping[str, Any], autogen: AutoGen) -> None:
        """Words for people."""
        if event["event"] == "progress":
            self._line.update(event["stage"], event["done"], event["total"], more=_standing(event, autogen))
            return
        line, stream = _words(event)
        if line:
            self._line.clear()
            print(line, file=stream, flush=True)

    def close(self) -> None:
        """Leaves no status line behind."""
        self._line.clear()


def _words(event: Mapping[str, Any]) -> tuple[str, Any]:
    match event["event"]:
        case "take":
            return take_line(event["take"]), sys.stdout
        case "notice":
            return event["text"], sys.stderr
        case "error":
            return "\n        ".join(filter(None, (f"acetui: {event['error']}", event["hint"]))), sys.stderr
        case "scored" if not event.get("weighed"):
            return _scored(event), sys.stdout
        case "loop" if "boundary" in event:
            return event["reason"][:1].upper() + event["reason"][1:], sys.stderr
        case "loop" if event["state"] not in SILENT:
            reason = f": {event['reason']}" if event["reason"] else ""
            return f"{event['state']}{reason}", sys.stderr
        case "done":
            return summary_lines(event["summary"]), sys.stdout
    return "", sys.stderr


def take_line(take: Mapping[str, Any]) -> str:
    """A take as people read it while the loop goes on."""
    parts = [f"{take['number']:04}", take["name"], clock_time(take["duration"]), f"seed {take['seed']}"]
    if take["operation"] != "render":
        parts.append(take["operation"])
    parts.append(f"made in {sum(take['timings'].values()):.1f} s")
    parts += [] if take.get("score") is None else [f"score {take['score']:.2f}"]
    parts += [f"fault: {fault}" for fault in take.get("faults") or ()]
    return "  ".join([*parts, *sketch_mark(take)])


def summary_lines(summary: Mapping[str, Any]) -> str:
    """The end of a run in two lines; the report has the rest."""
    failed = sum(summary["failed"].values())
    made = f"{summary['made']} take{'s' * (summary['made'] != 1)} made, {summary['kept']} kept, {failed} failed"
    line = f"{made} in {clock_time(summary['seconds'])}; the engine was busy {summary['busy_share']:.0%} of the time."
    return f"{line}\nThe report: {summary['report']}" if summary["report"] else line


def _standing(event: Mapping[str, Any], autogen: AutoGen) -> str:
    run, wanted = autogen.run, autogen.loop.takes
    parts = [] if run is None else [f"{len(run.made)}{f'/{wanted}' if wanted else ''} takes"]
    eta = event.get("eta")
    if eta:
        parts.append(left(eta["run"] or eta["batch"]))
    return "  ".join(parts)


def _scored(event: Mapping[str, Any]) -> str:
    score = "not scored" if event["score"] is None else f"score {event['score']:.2f}"
    faults = f"  {', '.join(event['faults'])}" if event["faults"] else ""
    return f"{event['number']:04}  {score}{faults}"
