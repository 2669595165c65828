"""What is too long for the last line: the lines of it that stand above that, over whatever is there.

Where a question stands between, all of them do.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from acetui.panes.key_bar import rows_of


class Said(Widget):
    """All rows of a message but the last, which is the key bar's as a rule. Without any it is not there."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"said--message", "said--trouble"}

    DEFAULT_CSS = """
    Said { display: none; dock: bottom; layer: over; margin: 0 0 1 0; height: 1; background: $background; }
    Said > .said--message { color: $foreground; background: $background; }
    Said > .said--trouble { color: $error; background: $background; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__(id="said")
        self._rows: list[str] = []
        self._trouble = False

    def show(self, message: str, width: int, *, trouble: bool = False, whole: bool = False) -> None:
        """Shows what of a message comes before its last row, in a terminal of so many cells; or all of it."""
        rows = rows_of(message, width)
        rows = rows if whole else rows[:-1]
        if (rows, trouble) == (self._rows, self._trouble):
            return
        self._rows, self._trouble = rows, trouble
        self.display = bool(rows)
        if rows:
            self.styles.height = len(rows)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A row."""
        style = self.get_component_rich_style("said--trouble" if self._trouble else "said--message")
        words = self._rows[y] if y < len(self._rows) else ""
        return Strip([Segment(f" {words}", style)]).adjust_cell_length(self.size.width, style)
