"""One line of words below a pane's content. It is painted when it says something else, and at no other time."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.looks.text_cells import cut
from acetui.panes.differing import region_of


class NoteLine(Widget):
    """A sentence, calm or with a mark that it is a warning."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"note-line--calm", "note-line--warning"}

    DEFAULT_CSS = """
    NoteLine { height: 1; width: 1fr; }
    NoteLine > .note-line--calm { color: $quiet; }
    NoteLine > .note-line--warning { color: $warning; }
    """

    def __init__(self) -> None:
        super().__init__(classes="note-line")
        self.looks = Looks(UNICODE, BRAILLE)
        self._said = ("", False)

    def looks_changed(self, looks: Looks) -> None:
        """Signs are others."""
        self.looks = looks
        self.refresh()

    @property
    def text(self) -> str:
        """What it says."""
        return self._said[0]

    def say(self, text: str, *, warning: bool = False) -> None:
        """Says something else."""
        if self._said != (text, warning):
            before = self.render_line(0) if self.size.width else None
            self._said = (text, warning)
            region = region_of(before, self.render_line(0), 0)
            self.refresh(*[] if region is None else [region])

    def render_line(self, y: int) -> Strip:
        """The line, cut at the right."""
        text, warning = self._said
        style = self.get_component_rich_style("note-line--warning" if warning else "note-line--calm")
        mark = f"{self.looks.glyphs.trouble} " if warning else ""
        words = cut(f" {mark}{self.looks.words(text)}", self.size.width, self.looks.glyphs.more) if text else ""
        return Strip([Segment(words, style)]).adjust_cell_length(self.size.width, self.rich_style)
