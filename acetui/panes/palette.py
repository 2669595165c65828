"""The palette: everything that can be done, found by typing a part of its name. A few rows above the key bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.looks.text_cells import cut
from acetui.panes.prompt import Line


@dataclass(frozen=True)
class Entry:
    """One thing in the palette."""

    title: str
    help: str
    keys: str
    run: Callable[[], None]


def found(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """The entries that fit what is typed, the best first; all of them while nothing is."""
    if not typed.strip():
        return list(entries)
    matcher = Matcher(typed.strip())
    scored = [
        ((_closeness(entry.title, typed), max(matcher.match(entry.title), 0.6 * matcher.match(entry.help))), entry)
        for entry in entries
    ]
    return [entry for score, entry in sorted(scored, key=lambda pair: pair[0], reverse=True) if score[1] > 0]


def _closeness(title: str, typed: str) -> int:
    """How plainly a title is meant: a word written out goes before letters that are strewn over a longer one."""
    title, typed = title.lower(), typed.strip().lower()
    if title.startswith(typed):
        return 3
    if any(word.startswith(typed) for word in title.split()):
        return 2
    return int(typed in title)


class Rows(Widget):
    """The entries that fit, one of them chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"palette--chosen", "palette--keys", "palette--help"}

    def __init__(self) -> None:
        super().__init__(id="palette-rows")
        self.looks = Looks(UNICODE, BRAILLE)
        self.entries: list[Entry] = []
        self.chosen = 0

    def show(self, entries: list[Entry], chosen: int = 0) -> None:
        """Shows these, with one chosen."""
        self.entries = entries
        self.chosen = min(max(chosen, 0), max(len(entries) - 1, 0))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One entry: its name, what it does, its keys."""
        width, height = self.size
        first = max(0, self.chosen - height + 1)
        at = first + y
        if at >= len(self.entries):
            text = " Nothing is called that." if y == 0 and not self.entries else ""
            return Strip([Segment(text, self.rich_style)]).adjust_cell_length(width, self.rich_style)
        entry = self.entries[at]
        here = at == self.chosen
        style = self.get_component_rich_style("palette--chosen") if here else self.rich_style
        quiet = style if here else self.get_component_rich_style("palette--help")
        keys_style = style if here else self.get_component_rich_style("palette--keys")
        glyphs = self.looks.glyphs
        title = f"{glyphs.folded if here else ' '} {entry.title}"
        keys = f" {entry.keys} "
        room = width - len(keys)
        start = f"{title:<24}"[:room]
        help_text = cut(entry.help, max(0, room - len(start) - 1), glyphs.more)
        rest = max(0, room - len(start) - len(help_text))
        segments = [Segment(start, style), Segment(help_text + " " * rest, quiet), Segment(keys, keys_style)]
        return Strip(segments).adjust_cell_length(width, style)


ANYTHING = "what do you want to do?"


class Palette(Vertical):
    """A field and what fits. Hidden while it is not wanted."""

    SCOPE = "question"

    class Closed(Message):
        """It is shut; ``entry`` was chosen, or None."""

        def __init__(self, entry: Entry | None) -> None:
            super().__init__()
            self.entry = entry

    def __init__(self) -> None:
        super().__init__(id="palette")
        self.rows = Rows()
        self.line = Line(id="palette-line", compact=True, select_on_focus=False, placeholder=ANYTHING)
        self._entries: Sequence[Entry] = ()

    def compose(self) -> ComposeResult:
        """The rows, then the field beneath them."""
        yield self.rows
        yield self.line

    def open(self, entries: Sequence[Entry], question: str = ANYTHING) -> None:
        """Opens with these entries, and a question where nothing is typed yet."""
        self._entries = entries
        self.line.placeholder = question
        self.line.value = ""
        self.rows.show(list(entries))
        self.add_class("-open")
        self.screen.set_focus(self.line)

    def close(self) -> None:
        """Shuts without a choice."""
        self._close(None)

    def choose(self, by: int) -> None:
        """Another entry is the chosen one."""
        self.rows.show(self.rows.entries, self.rows.chosen + by)

    def _close(self, entry: Entry | None) -> None:
        if self.has_class("-open"):
            self.remove_class("-open")
            self.post_message(self.Closed(entry))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.rows.show(found(self._entries, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(self.rows.entries[self.rows.chosen] if self.rows.entries else None)

    def on_click(self, event: events.Click) -> None:
        """A click on a row chooses it."""
        if event.widget is self.rows:
            at = max(0, self.rows.chosen - self.rows.size.height + 1) + event.y
            if at < len(self.rows.entries):
                self._close(self.rows.entries[at])
