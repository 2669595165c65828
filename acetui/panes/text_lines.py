"""Lines of text to look through, and to choose one of: for screens that tell something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.looks.text_cells import cut

TextLine = tuple[str, str]
"""Words, and what kind they are of: ``text``, ``quiet``, ``heading``, ``trouble``, ``mark``."""


class TextLines(Widget, can_focus=True):
    """As many of the lines as fit. With ``chooses`` there is a cursor; without, the lines only move."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"lines--{kind}" for kind in ("text", "quiet", "heading", "trouble", "mark", "cursor")
    }

    class Chosen(Message):
        """A line was clicked twice."""

    def __init__(self, *, chooses: bool = False) -> None:
        super().__init__()
        self.looks = Looks(UNICODE, BRAILLE)
        self.at = 0
        """The line of the cursor."""

        self._chooses = chooses
        self._lines: list[TextLine] = []
        self._top = 0

    @property
    def page(self) -> int:
        """Lines that are seen at once."""
        return max(1, self.size.height - 1)

    def show(self, lines: Sequence[TextLine], at: int = 0) -> None:
        """Shows these, with the cursor on one."""
        self._lines, self._top = list(lines), 0
        self.at = max(0, min(at, len(self._lines) - 1))
        self._follow()
        self.refresh()

    def move(self, by: int) -> None:
        """Moves the cursor, or the lines where there is none."""
        top, at = self._top, self.at
        if self._chooses:
            self.at = max(0, min(self.at + by, len(self._lines) - 1))
            self._follow()
        else:
            self._top = max(0, min(self._top + by, len(self._lines) - self.size.height))
        if self._top != top:
            self.refresh()
        elif self.at != at:
            self.refresh(*(Region(0, line - self._top, self.size.width, 1) for line in (at, self.at)))

    def on_resize(self) -> None:
        """Another number of lines fits."""
        self._follow()

    def on_click(self, event: events.Click) -> None:
        """A click chooses a line; two of them do what Enter does."""
        line = self._top + event.y
        if self._chooses and line < len(self._lines):
            self.move(line - self.at)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def on_mouse_scroll_down(self) -> None:
        """The wheel moves the lines."""
        self.move(1 if self._chooses else 3)

    def on_mouse_scroll_up(self) -> None:
        """The same upwards."""
        self.move(-1 if self._chooses else -3)

    def render_line(self, y: int) -> Strip:
        """A line, cut where it is too long."""
        at, width = self._top + y, self.size.width
        words, kind = self._lines[at] if at < len(self._lines) else ("", "text")
        kind = "cursor" if self._chooses and at == self.at and at < len(self._lines) else kind
        style = self.get_component_rich_style(f"lines--{kind}")
        text = cut(words, max(width - 2, 0), self.looks.glyphs.more)
        return Strip([Segment(f" {text}", style)]).adjust_cell_length(width, style)

    def _follow(self) -> None:
        height = max(self.size.height, 1)
        if self._chooses:
            self._top = min(max(self._top, self.at - height + 1), self.at)
        self._top = max(0, min(self._top, len(self._lines) - height))
