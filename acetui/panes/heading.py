"""The line above a pane: its name, what there is to say of it, and whether the keys go there.

It is drawn by itself, so that moving the focus repaints two lines and no pane.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Glyphs, Looks
from acetui.looks.text_cells import cut
from acetui.panes.differing import region_of


class Heading(Widget):
    """One line: ``── caption ─────── 18/256 ──``."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heading--rule", "heading--name", "heading--active", "heading--note"}

    def __init__(self, name: str) -> None:
        super().__init__(classes="heading")
        self._name = name
        self._notes: tuple[str, ...] = ()
        self._active = False
        self._looks = Looks(UNICODE, BRAILLE)

    def looks_changed(self, looks: Looks) -> None:
        """Draws with other signs."""
        self._looks = looks
        self.refresh()

    def show(
        self, *, name: str | None = None, note: str | tuple[str, ...] | None = None, active: bool | None = None
    ) -> None:
        """Shows something else; what is not given stays. Of several notes it is the first that there is room for."""
        before, line = (self._name, self._notes, self._active), self.render_line(0) if self.size.width else None
        self._name = self._name if name is None else name
        if note is not None:
            self._notes = (note,) if isinstance(note, str) else note
        self._active = self._active if active is None else active
        if (self._name, self._notes, self._active) != before:
            region = region_of(line, self.render_line(0), 0)
            self.refresh(*[] if region is None else [region])

    def render_line(self, y: int) -> Strip:
        """The line. Where the pane is narrow the note goes first, and then the last parts of the name."""
        width = self.size.width
        glyphs = self._looks.glyphs
        dash = glyphs.dash
        rule = self._style("heading--rule")
        fits = whole_parts(self._name or "", max(0, width - 4), glyphs)
        name = f" {fits} "[: max(0, width - 2)]
        named = cell_len(name)
        fitting = (each for each in self._notes if each and named + len(each) + 6 <= width)
        note = f" {chosen} " if (chosen := next(fitting, "")) else ""
        mark = glyphs.bar if self._active else dash
        filled = max(0, width - named - len(note) - 2)
        active = self._style("heading--active")
        return Strip(
            [
                Segment(mark, active if self._active else rule),
                Segment(name, active if self._active else self._style("heading--name")),
                Segment(dash * filled, rule),
                Segment(note, self._style("heading--note")),
                Segment(dash, rule),
            ]
        ).adjust_cell_length(width, rule)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(part)


def whole_parts(name: str, cells: int, glyphs: Glyphs) -> str:
    """As many parts of a name as fit whole; the first is cut where it alone does not."""
    between = f" {glyphs.dot} "
    parts = name.split(between)
    while len(parts) > 1 and cell_len(between.join(parts)) > cells:
        parts.pop()
    return cut(between.join(parts), cells, glyphs.more)
