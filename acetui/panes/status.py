"""The first line: what the machine is doing, on what, since when and until when."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from acetui.looks.fitted_line import Line, Piece
from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.status_words import status

if TYPE_CHECKING:
    from acetui.studio_state import StudioState

KINDS = (
    "activity", "bar", "card", "gap", "loop-off", "loop-on", "made", "name", "revision", "rule", "since", "sketch",
    "trouble", "until", "waiting",
)  # fmt: skip
"""What a piece of the line can be about; each has a class of its own in the style sheet."""


class StatusLine(Widget):
    """One line, drawn anew only when what it says differs."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"status--{kind}" for kind in KINDS}

    DEFAULT_CSS = """
    StatusLine { height: 1; width: 1fr; background: $panel; color: $foreground; }
    StatusLine > .status--name { text-style: bold; color: $primary; }
    StatusLine > .status--revision, StatusLine > .status--since, StatusLine > .status--made { color: $quiet; }
    StatusLine > .status--card, StatusLine > .status--loop-off, StatusLine > .status--rule { color: $quiet; }
    StatusLine > .status--loop-on { color: $success; }
    StatusLine > .status--bar { color: $primary; }
    StatusLine > .status--waiting { color: $warning; }
    StatusLine > .status--trouble { color: $error; text-style: bold; }
    StatusLine > .status--sketch { color: $sketch; text-style: italic; }
    """

    def __init__(self) -> None:
        super().__init__(id="status")
        self.looks = Looks(UNICODE, BRAILLE)
        self._state: StudioState | None = None
        self._line = Line((), 0, ())
        self._said_at = float("-inf")
        self._later: Timer | None = None
        self._due = 0.0

    @property
    def text(self) -> str:
        """What it says."""
        return self._line.text

    def show(self, state: StudioState) -> None:
        """Shows the state: at once, unless only progress has moved and was shown just now."""
        before, self._state = self._state, state
        moved = before is not None and replace(before, progress=state.progress, fetch=state.fetch) == state
        wait = self._said_at + self.looks.redraw_seconds - time.monotonic() if moved else 0.0
        if wait <= 0 or (before is not None and (before.progress is None) != (state.progress is None)):
            self._say()
        else:
            self._say_in(wait)

    def looks_changed(self, looks: Looks) -> None:
        """Draws with other signs."""
        self.looks = looks
        self._say()

    def on_resize(self) -> None:
        """There is more room, or less."""
        self._say()

    def _say_in(self, seconds: float) -> None:
        """Looks again after so long, unless it does so sooner anyway."""
        due = time.monotonic() + seconds
        if self._later is not None and self._due <= due:
            return
        if self._later is not None:
            self._later.stop()
        self._later, self._due = self.set_timer(seconds, self._say), due

    def _say(self) -> None:
        if self._later is not None:
            self._later.stop()
            self._later = None
        if self._state is None or self.size.width <= 2:
            return
        self._said_at = time.monotonic()
        if self._state.progress is not None:  # it says for how long, and goes on saying so
            self._say_in(4 * self.looks.redraw_seconds)
        line = status(self._state, time.monotonic(), self.size.width - 2, self.looks)
        if line != self._line:
            self._line = line
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line, with a cell to spare at each end."""
        line = self._line
        blank = Piece(" " * line.gap, "gap")
        segments = [self._segment(piece) for piece in (*line.left, blank, *line.right) if piece.text]
        strip = Strip([Segment(" ", self.rich_style), *segments])
        return strip.adjust_cell_length(self.size.width, self.rich_style)

    def _segment(self, piece: Piece) -> Segment:
        return Segment(piece.text, self.get_component_rich_style(f"status--{piece.kind}"))
