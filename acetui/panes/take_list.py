"""The lines of the list of takes. It draws the book's lines that are in sight, each only when it differs.

There is no scrollbar: a cell at the right edge says where in the list one is. The focus is the heading's to show.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from acetui.browsing.row_text import Outline, Piece, Seen, columns, divider, pieces, unknown
from acetui.browsing.take_book import TakeBook
from acetui.browsing.take_lines import NEW
from acetui.browsing.take_rows import age_of
from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.panes.differing import region_of
from acetui.panes.still import Still

MOST_STRIPS = 600
"""Drawn lines that are kept."""

WHEEL_LINES = 3

FEW_LINES = 6
"""Lines of which only the cells that differ are painted; where more have changed, they were scrolled."""


class TakeList(Still, can_focus=True):
    """The list: one line a take, the one under the cursor in a colour of its own."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"take-list--{name}"
        for name in (
            *("cursor", "text", "quiet", "wave", "boundary", "new", "position", "empty", "mark-selected"),
            *(f"mark-{name}" for name in ("playing", "pinned", "liked", "rejected", "faulty", "unheard")),
            *("mark-heard", "mark-trashed"),
        )
    }

    class Moved(Message):
        """The cursor is on another take, or on none."""

        def __init__(self, number: int | None) -> None:
            super().__init__()
            self.number = number

    class Looked(Message):
        """Other lines are in sight."""

    class Opened(Message):
        """A take was clicked twice: it is to be heard."""

    def __init__(self, book: TakeBook, outlines: Mapping[int, Outline]) -> None:
        super().__init__()
        self.book = book
        self.looks = Looks(UNICODE, BRAILLE)
        self._outlines = outlines
        self._playing: int | None = None
        self._empty: tuple[str, ...] = ()
        self._drawn: list[Hashable] = []
        self._strips: OrderedDict[Hashable, Strip] = OrderedDict()
        self._told: tuple[int | None, tuple[int, int, int]] = (None, (0, 0, 0))

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show(self, *, playing: int | None, empty: tuple[str, ...]) -> None:
        """What is heard just now, and what to say where there are no takes."""
        self._playing, self._empty = playing, empty
        self.sync()

    def sync(self) -> None:
        """The book may have changed: draws the lines that differ, and tells where the cursor is."""
        if not self.size.height:
            return
        keys = [self._key(y) for y in range(self.size.height)]
        stale = [y for y, key in enumerate(keys) if y >= len(self._drawn) or self._drawn[y] != key]
        drawn, self._drawn = self._drawn, keys
        few = len(stale) <= FEW_LINES
        regions = [self._stale_part(drawn[y], y) if few and y < len(drawn) else self._line(y) for y in stale]
        if regions := [region for region in regions if region is not None]:
            self.refresh(*regions)
        before, sight = self._told, (self.book.top, self.book.height, len(self.book.list))
        self._told = (self.book.cursor, sight)
        if before[0] != self.book.cursor:
            self.post_message(self.Moved(self.book.cursor))
        if before[1] != sight:
            self.post_message(self.Looked())

    def on_resize(self) -> None:
        """Another number of lines fits."""
        self.book.resize(self.size.height)
        self.sync()

    def notify_style_update(self) -> None:
        """Colours are others: nothing that is drawn is of use."""
        self._strips.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """A line, from those that were drawn before if it is among them."""
        key = self._key(y)
        if (strip := self._strips.get(key)) is None:
            strip = self._strips[key] = self._draw(y)
            if len(self._strips) > MOST_STRIPS:
                self._strips.popitem(last=False)
        return strip

    # --- the mouse ---------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """A click goes to a take; with Shift it selects up to it, with Ctrl it adds it."""
        line = self.book.top + event.y
        if not isinstance(self.book.list.entry(line), int):
            return
        if event.shift:
            self.book.begin_range()
        self.book.move_to(line)
        if event.shift:
            self.book.select_to_here()
        elif event.ctrl:
            self.book.toggle()
        self.sync()
        if event.chain == 2 and not event.shift and not event.ctrl:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the lines and leaves the cursor where it is."""
        event.stop()
        self.book.scroll(WHEEL_LINES)
        self.sync()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The same upwards."""
        event.stop()
        self.book.scroll(-WHEEL_LINES)
        self.sync()

    # --- drawing -----------------------------------------------------------------------------------------------------

    def _key(self, y: int) -> Hashable:
        """All that the picture of a line depends on."""
        line = self.book.top + y
        entry = self.book.list.entry(line)
        frame = (self.size.width, self.book.digits, self._is_position(y), self.looks.ascii, self.looks.waveform)
        if not isinstance(entry, int):
            empty = self._empty[y] if not len(self.book) and y < len(self._empty) else ""
            return (entry or empty, self.book.list.new if entry == NEW else 0, entry is None, *frame)
        return (entry, self._seen(entry, line), entry == self.book.cursor, *frame)

    def _seen(self, number: int, line: int) -> Seen | None:
        row = self.book.row(number)
        if row is None:
            return None
        shape = columns(self.size.width - 1, self.book.digits)
        return Seen(
            row,
            selected=number in self.book.selected,
            playing=number == self._playing,
            tie=self.book.is_tie(line),
            outline=self._outlines.get(number),
            age=age_of(row, time.time()) if shape.age else "",
        )

    def _line(self, y: int) -> Region:
        return Region(0, y, self.size.width, 1)

    def _stale_part(self, key: Hashable, y: int) -> Region | None:
        """The cells of a line that differ from those drawn for ``key``."""
        return region_of(self._strips.get(key), self.render_line(y), y)

    def _draw(self, y: int) -> Strip:
        width, line = self.size.width, self.book.top + y
        entry = self.book.list.entry(line)
        found = [piece for piece in self._pieces(entry, line, y) if piece[0]]
        if (
            entry is not None and entry == self.book.cursor
        ):  # up to the name: less goes over the line than for all of it
            lit = sum(kind in ("text", "quiet") or kind.startswith("mark") for _, kind in found[:2])
            found = [("".join(text for text, _ in found[:lit]), "cursor"), *found[lit:]]
        strip = Strip(_joined(found, self._style)).adjust_cell_length(width - 1, self._style("text"))
        mark = self.looks.glyphs.trunk if self._is_position(y) else " "
        return Strip([*strip, Segment(mark, self._style("position" if mark != " " else "text"))], width).simplify()

    def _pieces(self, entry: int | str | None, line: int, y: int) -> list[Piece]:
        width = self.size.width - 1
        if entry is None:
            return [(f" {self._empty[y]}", "empty")] if not len(self.book) and y < len(self._empty) else []
        if isinstance(entry, str):
            new = entry == NEW
            words = f"{self.book.list.new} new" if new else entry
            return divider(words, width, self.looks, "new" if new else "boundary")
        shape = columns(width, self.book.digits)
        seen = self._seen(entry, line)
        return unknown(entry, shape) if seen is None else pieces(seen, shape, self.looks)

    def _is_position(self, y: int) -> bool:
        """Whether the mark that says where in the list one is stands beside this line."""
        hidden = len(self.book.list) - self.size.height
        return hidden > 0 and y == round(self.book.top / hidden * (self.size.height - 1))

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"take-list--{kind}")


def _joined(found: Sequence[Piece], style_of: Callable[[str], Style]) -> list[Segment]:
    """The pieces as segments; blanks have the style of what is before them, so that one less is written."""
    segments: list[Segment] = []
    for text, kind in found:
        if segments and text.isspace() and segments[-1].style != style_of("cursor"):
            segments[-1] = Segment(segments[-1].text + text, segments[-1].style)
        else:
            segments.append(Segment(text, style_of(kind)))
    return segments
