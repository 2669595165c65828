"""One calm line at the foot of a terminal: what the engine does, how far it is, since when."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import TextIO

REDRAW_SECONDS = 0.1
BAR_CELLS = 20

STAGES = {
    "load": "loading the model",
    "conditions": "reading the recipe",
    "planner": "planning",
    "sampling": "rendering",
    "decode": "decoding",
    "write": "writing",
}
"""What the engine does, in words."""


class ProgressLine:
    """Redraws in place, at most ten times a second; where the stream is no terminal it draws nothing at all."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._drawn_at = float("-inf")
        self._shown = False
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._ascii = "utf" not in (stream.encoding or "").lower()

    def update(self, stage: str, done: int, total: int, take: int | None = None, more: str = "") -> None:
        """Shows ``done`` of ``total`` steps of a stage and what is ``more``, unless the line was drawn just now."""
        now = self._clock()
        if not self._live or now - self._drawn_at < REDRAW_SECONDS:
            return
        self._drawn_at, self._shown = now, True
        width = shutil.get_terminal_size().columns - 1
        line = describe(stage, done, total, take, now - self._started, ascii_only=self._ascii)
        line = f"{line}  {more}" if more else line
        self._stream.write(f"\r\x1b[K{line[:width]}")
        self._stream.flush()

    def clear(self) -> None:
        """Takes the line away, so that something else can be printed where it was."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False


def describe(stage: str, done: int, total: int, take: int | None, seconds: float, *, ascii_only: bool = False) -> str:
    """The line as text: stage, bar, steps, the take where a stage works on one alone, and the time so far."""
    parts = [f"{STAGES.get(stage, stage):<18}"]
    if total > 0:
        parts += [bar(done / total, ascii_only=ascii_only), f"{done}/{total}"]
    if take is not None:
        parts.append(f"take {take + 1}")
    return "  ".join([*parts, f"{seconds:.0f} s"])


def bar(share: float, *, ascii_only: bool = False) -> str:
    """A bar of fixed width, filled to ``share`` of it."""
    filled = round(min(max(share, 0.0), 1.0) * BAR_CELLS)
    full, empty = ("#", "-") if ascii_only else ("█", "░")
    return full * filled + empty * (BAR_CELLS - filled)
