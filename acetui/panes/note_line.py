"""A line of words below a pane's content, or two. It is painted when it says something else, and at no other time."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.css.scalar import Scalar
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.looks.text_cells import cut, safe
from acetui.panes.differing import region_of
from acetui.panes.key_bar import rows_of


class NoteLine(Widget):
    """A sentence, calm or with a mark that it is a warning. What is long has up to ``most`` rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"note-line--calm", "note-line--warning"}

    DEFAULT_CSS = """
    NoteLine { height: 1; width: 1fr; }
    NoteLine > .note-line--calm { color: $quiet; }
    NoteLine > .note-line--warning { color: $warning; }
    """

    def __init__(self, most: int = 1) -> None:
        super().__init__(classes="note-line")
        self.looks = Looks(UNICODE, BRAILLE)
        self._most = most
        self._said = ("", False)
        self._rows: list[str] = []

    def looks_changed(self, looks: Looks) -> None:
        """Signs are others."""
        self.looks = looks
        self._break()
        self.refresh()

    @property
    def text(self) -> str:
        """What it says."""
        return self._said[0]

    def say(self, text: str, *, warning: bool = False) -> None:
        """Says something else."""
        if self._said != (text, warning):
            before, rows = self.render_line(0) if self.size.width else None, len(self._rows)
            self._said = (text, warning)
            self._break()
            if rows == len(self._rows) <= 1:
                region = region_of(before, self.render_line(0), 0)
                self.refresh(*[] if region is None else [region])
            else:
                self.refresh()

    def on_resize(self) -> None:
        """Rows are broken elsewhere."""
        self._break()
        self.refresh()

    def _break(self) -> None:
        """Works the rows out, and has as many as they need, up to ``most``; the last is cut where they are not all."""
        text, warning = self._said
        mark = f"{self.looks.glyphs.trouble} " if warning else ""
        # Before it has its room it is as wide as the terminal, as a rule: nothing is laid out twice for a guess.
        width = max(self.size.width or (self.app.size.width if self.is_attached else 0), 10)
        words = safe(f"{mark}{self.looks.words(text)}") if text else ""
        rows = rows_of(words, width + 1) if self._most > 1 and words else [words]
        if len(rows) > self._most:
            rows = [*rows[: self._most - 1], " ".join(rows[self._most - 1 :])]
        self._rows = rows
        if self._most > 1 and self.styles.height != Scalar.from_number(len(rows)):
            self.styles.height = len(rows)

    def render_line(self, y: int) -> Strip:
        """A row, cut at the right."""
        style = self.get_component_rich_style("note-line--warning" if self._said[1] else "note-line--calm")
        words = self._rows[y] if y < len(self._rows) else ""
        words = cut(f" {words}", self.size.width, self.looks.glyphs.more) if words else ""
        return Strip([Segment(words, style)]).adjust_cell_length(self.size.width, self.rich_style)
