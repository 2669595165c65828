"""What a verb says while it works and at the end: to a person, or as JSON lines to a program."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from acetui.how_long import clock_time
from acetui.progress import ProgressLine
from engine import EngineError
from engine.profiles import is_sketch

_SKETCH = (
    "sketch model: acetui-nano, the small one that comes with acetui. It makes short instrumental sketches; "
    "`--models DIR` names a folder with ACE-Step models."
)


class Report(Protocol):
    """Where a verb's events go."""

    def progress(self, stage: str, done: int, total: int, take: int | None) -> None:
        """A stage moved on."""

    def notice(self, text: str) -> None:
        """Something a person should know that is not an error."""

    def take(self, take: Mapping[str, Any]) -> None:
        """A take is on disk."""

    def done(self, summary: Mapping[str, Any]) -> None:
        """The verb has done all it was asked for."""

    def close(self) -> None:
        """Nothing more comes from here, whether it went well or not."""


class JsonReport:
    """One JSON object a line on standard output, told apart by ``event``."""

    def progress(self, stage: str, done: int, total: int, take: int | None) -> None:
        """``take`` is the position in the batch, where a stage works on one take alone."""
        self._line("progress", stage=stage, done=done, total=total, take=take)

    def notice(self, text: str) -> None:
        """``text`` is a sentence."""
        self._line("notice", text=text)

    def take(self, take: Mapping[str, Any]) -> None:
        """``take`` is the whole take object."""
        self._line("take", take=take)

    def done(self, summary: Mapping[str, Any]) -> None:
        """``summary`` counts."""
        self._line("done", summary=summary)

    def close(self) -> None:
        """Every line was flushed when it was written."""

    def _line(self, event: str, **rest: object) -> None:
        print(json.dumps({"event": event, **rest}), flush=True)


class HumanReport:
    """A line a take on standard output, progress and notices on standard error."""

    def __init__(self) -> None:
        self._line = ProgressLine(sys.stderr)

    def progress(self, stage: str, done: int, total: int, take: int | None) -> None:
        """Moves the progress line, where there is a terminal."""
        self._line.update(stage, done, total, take)

    def notice(self, text: str) -> None:
        """A line on standard error."""
        self._line.clear()
        print(text, file=sys.stderr)

    def take(self, take: Mapping[str, Any]) -> None:
        """Path, duration, seed, time and loudness in one line."""
        self._line.clear()
        print(take_line(take), flush=True)

    def done(self, summary: Mapping[str, Any]) -> None:
        """The takes have been told of; there is nothing to add."""

    def close(self) -> None:
        """Leaves no progress line behind."""
        self._line.clear()


def take_line(take: Mapping[str, Any]) -> str:
    """A take as people read it in a list of files."""
    path = os.path.relpath(take["files"]["audio"])
    parts = [
        take["files"]["audio"] if path.startswith("..") else path,
        f"{clock_time(take['duration'])} long",
        f"seed {take['seed']}",
        f"made in {sum(take['timings'].values()):.1f} s",
    ]
    if take["loudness"] is not None:
        parts.append(f"{take['loudness']:.1f} LUFS")
    return "  ".join([*parts, *sketch_mark(take)])


def sketch_notice(profile: Mapping[str, Any]) -> str:
    """What to say once where the model in the box renders; nothing of any other."""
    return _SKETCH if profile.get("sketch") else ""


def sketch_mark(take: Mapping[str, Any]) -> list[str]:
    """The words that stand at every take of the model in the box; nothing at any other."""
    return ["sketch model"] if is_sketch(str(take.get("identity", {}).get("profile", ""))) else []


def print_error(error: EngineError, *, as_json: bool) -> None:
    """An error event on standard output, or its sentence and its hint on standard error."""
    if as_json:
        print(json.dumps({"event": "error", **error.to_dict()}), flush=True)
        return
    print(f"acetui: {error.error}", file=sys.stderr)
    if error.hint:
        print(f"        {error.hint}", file=sys.stderr)
