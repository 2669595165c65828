"""The rows of a form, or the choices of one of its entries: drawn line by line, and only those that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Glyphs, Looks
from acetui.looks.text_cells import cut, filled
from acetui.panes.still import Still

if TYPE_CHECKING:
    from acetui.recipe.form_rows import FormRow

LABEL_CELLS = 20
"""Width of the column with the names, where there is room."""

WHEEL_LINES = 3


@dataclass(frozen=True)
class FormLine:
    """One line: marks before and behind a name and a value, each with the part of the style sheet that it is in."""

    label: str
    value: str
    part: str = "text"
    mark: str = " "
    lock: str = " "
    trouble: str = " "
    heading: bool = False


def line_of(row: FormRow, glyphs: Glyphs) -> FormLine:
    """A row of a form as it is drawn."""
    trouble = glyphs.trouble if row.trouble else " "
    if not row.name:
        sign = glyphs.folded if row.folded else glyphs.unfolded
        typed = f" {glyphs.changed}" if row.typed and row.folded else ""
        return FormLine(f" {row.label}{typed}", row.value, mark=sign, trouble=trouble, heading=True)
    part = "trouble" if row.wrong else "typed" if row.typed else "text" if row.set else "unset"
    lock = {"yours": glyphs.locked, "planner": glyphs.tie}.get(row.decides or "", " ")
    return FormLine(row.label, row.value, part, glyphs.changed if row.typed else " ", lock, trouble)


class FormList(Still, Widget, can_focus=True):
    """Lines with a cursor."""

    PARTS = ("text", "unset", "typed", "heading", "trouble", "cursor", "mark")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"form-list--{part}" for part in PARTS}

    DEFAULT_CSS = """
    FormList { height: 1fr; width: 1fr; }
    FormList > .form-list--text { color: $foreground; }
    FormList > .form-list--unset { color: $quiet; }
    FormList > .form-list--typed { color: $primary; }
    FormList > .form-list--heading { color: $foreground; text-style: bold; }
    FormList > .form-list--trouble { color: $warning; }
    FormList > .form-list--mark { color: $quiet; }
    FormList > .form-list--cursor { color: $cursor-text; background: $cursor; text-style: $cursor-style; }
    """

    class Clicked(Message):
        """A line was clicked; ``again`` where the cursor was on it already."""

        def __init__(self, control: FormList, line: int, *, again: bool) -> None:
            super().__init__()
            self.line = line
            self.again = again
            self._control = control

        @property
        def control(self) -> FormList:
            """The list in which it is."""
            return self._control

    def __init__(self) -> None:
        super().__init__()
        self.looks = Looks(UNICODE, BRAILLE)
        self.cursor = 0
        self._lines: Sequence[FormLine] = ()
        self._top = 0
        self._shown_cursor = False
        self._drawn: list[object] = []

    def looks_changed(self, looks: Looks) -> None:
        """Signs are others."""
        self.looks = looks
        self._drawn = []
        self.sync()

    def show(self, lines: Sequence[FormLine], cursor: int, *, with_cursor: bool) -> None:
        """Shows other lines, with the cursor on one of them where it is to be seen."""
        self._lines = lines
        self.cursor = max(0, min(cursor, len(lines) - 1))
        self._shown_cursor = with_cursor
        self._keep_in_sight()
        self.sync()

    def sync(self) -> None:
        """Draws the lines that differ."""
        keys = [self._key(y) for y in range(self.size.height)]
        stale = [y for y, key in enumerate(keys) if y >= len(self._drawn) or self._drawn[y] != key]
        self._drawn = keys
        if stale:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in stale))

    def _key(self, y: int) -> object:
        at = self._top + y
        line = self._lines[at] if at < len(self._lines) else None
        return line, at == self.cursor and self._shown_cursor, self.size.width, self._more(y)

    def place_of_value(self, line: int) -> tuple[int, int]:
        """Column and row, in the widget, at which the value of a line begins."""
        return self._label_cells + 2, line - self._top

    @property
    def _label_cells(self) -> int:
        return min(LABEL_CELLS, max(8, self.size.width // 3))

    def on_resize(self) -> None:
        """Another number of lines fits."""
        self._drawn = []
        self._keep_in_sight()
        self.refresh()

    def notify_style_update(self) -> None:
        """Colours are others."""
        super().notify_style_update()
        self._drawn = []

    def _keep_in_sight(self) -> None:
        height = max(1, self.size.height)
        if self.cursor < self._top:
            self._top = self.cursor
        elif self.cursor >= self._top + height:
            self._top = self.cursor - height + 1
        self._top = max(0, min(self._top, len(self._lines) - height))

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the line; on the line where it is, something is done."""
        line = self._top + event.y
        if line < len(self._lines):
            self.post_message(self.Clicked(self, line, again=line == self.cursor))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves three lines."""
        self._wheel(event, WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves three lines."""
        self._wheel(event, -WHEEL_LINES)

    def _wheel(self, event: events.MouseEvent, by: int) -> None:
        event.stop()
        self._top = max(0, min(self._top + by, len(self._lines) - self.size.height))
        self.sync()

    def _more(self, y: int) -> str:
        """The sign at the right edge of the first and the last line where more is above or below."""
        if y == 0 and self._top > 0:
            return self.looks.glyphs.up
        if y == self.size.height - 1 and self._top + self.size.height < len(self._lines):
            return self.looks.glyphs.down
        return " "

    def render_line(self, y: int) -> Strip:
        """One line."""
        at, width = self._top + y, self.size.width
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[at]
        chosen = at == self.cursor and self._shown_cursor
        more = self.looks.glyphs.more
        if line.heading:
            head = f"{line.mark}{line.label}"
            rest = cut(line.value, max(0, width - len(head) - 5), more)
            pieces = [(f"{head}  ", "heading"), (filled(rest, max(0, width - len(head) - 4)), "unset")]
        else:
            cells = self._label_cells
            values = max(0, width - cells - 5)
            pieces = [
                (line.mark, "typed"),
                (f"{filled(cut(line.label, cells, more), cells)} ", "unset" if line.part == "unset" else "text"),
                (filled(cut(line.value, values, more), values), line.part),
                (line.lock, "mark"),
            ]
        pieces += [(line.trouble, "trouble"), (self._more(y), "mark")]
        segments = [Segment(text, self._style("cursor" if chosen else part)) for text, part in pieces]
        return Strip(segments).adjust_cell_length(width, self._style("cursor") if chosen else self.rich_style)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"form-list--{part}")
