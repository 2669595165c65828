"""The log: what was said, by the studio and by the terminal. Lines are drawn only while it is shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from acetui.log_book import LEVELS, LogBook, Shown, lines
from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.panes.heading import Heading


class LogRows(Widget, can_focus=True):
    """The lines in sight; at the end, it stays at the end."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--when", "log--error", "log--notice", "log--quiet"}

    DEFAULT_CSS = """
    LogRows { height: 1fr; width: 1fr; }
    LogRows > .log--when, LogRows > .log--quiet { color: $quiet; }
    LogRows > .log--notice { color: $foreground; }
    LogRows > .log--error { color: $error; }
    """

    def __init__(self, book: LogBook) -> None:
        super().__init__()
        self.looks = Looks(UNICODE, BRAILLE)
        self._book = book
        self._lines: list[Shown] = []
        self._below = 0
        """Lines below the last one in sight: none of them is to follow the end."""

    def looks_changed(self, looks: Looks) -> None:
        """Draws with other signs."""
        self.looks = looks
        self.refresh()

    def sync(self) -> None:
        """The book, the filter or the width has changed."""
        before = len(self._lines)
        self._lines = lines(self._book.entries(), self.size.width - 2)
        if self._below:  # what one reads stays where it is
            self._below = max(0, min(self._below + len(self._lines) - before, self._most))
        self.refresh()

    @property
    def at_end(self) -> bool:
        """Whether the latest line is in sight."""
        return self._below == 0

    @property
    def _most(self) -> int:
        return max(0, len(self._lines) - self.size.height)

    def move(self, by: int) -> None:
        """Moves by so many lines, downwards if positive."""
        above = max(0, min(self._below - by, self._most))
        if above != self._below:
            self._below = above
            self.refresh()

    def on_resize(self) -> None:
        """Lines are broken elsewhere."""
        self.sync()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves three lines."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves three lines."""
        event.stop()
        self.move(-3)

    def render_line(self, y: int) -> Strip:
        """One line: when, a sign for its kind, and words."""
        at = max(0, len(self._lines) - self.size.height - self._below) + y
        width = self.size.width
        if at >= len(self._lines):
            said = " Nothing was said yet." if not self._lines and y == 0 else ""
            return Strip([Segment(said, self._style("quiet"))]).adjust_cell_length(width, self.rich_style)
        line = self._lines[at]
        kind, glyphs = line.entry.kind, self.looks.glyphs
        sign = {"error": glyphs.trouble, "notice": glyphs.dot}.get(kind, " ")
        head = f" {line.entry.when} " if line.first else " " * (len(line.entry.when) + 2)
        style = self._style(kind if kind in ("error", "notice") else "quiet")
        segments = [
            Segment(head, self._style("when")),
            Segment(f"{sign if line.first else ' '} ", style),
            Segment(self.looks.words(line.text), style),
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _style(self, part: str) -> Any:
        return self.get_component_rich_style(f"log--{part}")


class LogPane(Vertical):
    """The log under its heading."""

    SCOPE = "log"

    def __init__(self) -> None:
        super().__init__(id="log", classes="pane")
        self.book = LogBook()
        self.rows = LogRows(self.book)
        self._heading = Heading("log")

    def compose(self) -> ComposeResult:
        """Heading and rows."""
        yield self._heading
        yield self.rows

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.rows)

    def on_show(self) -> None:
        """What was said while nobody looked is drawn now."""
        self._sync()

    def add(self, kind: str, text: str) -> None:
        """Adds a line: ``said``, ``notice`` or ``error``."""
        self.book.add(kind, text, time.strftime("%H:%M:%S"))
        self._sync()

    def studio_event(self, event: Mapping[str, Any]) -> None:
        """Adds what the studio says."""
        if self.book.add_event(event, time.strftime("%H:%M:%S")):
            self._sync()

    def next_level(self) -> str:
        """Shows less, and after errors alone everything again; what is shown now, in a word."""
        self.book.level = (self.book.level + 1) % len(LEVELS)
        self._sync()
        return LEVELS[self.book.level]

    def find(self, words: str) -> None:
        """Shows only what has these words in it; none shows all."""
        self.book.words = words
        self._sync()

    def _sync(self) -> None:
        if self.display and self.is_mounted:
            self._heading.show(note=self._note())
            self.rows.sync()

    def _note(self) -> str:
        errors = self.book.errors()
        told = [LEVELS[self.book.level]] if self.book.level else []
        told += [f"'{self.book.words}'"] if self.book.words else []
        told += [f"{errors} error{'s' if errors > 1 else ''}"] if errors else []
        return f" {self.rows.looks.glyphs.dot} ".join(told)
