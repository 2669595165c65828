"""The last line: which keys do what here, or what the studio has to say until the next key.

Of what is longer than a line it shows the end; ``Said`` has the rest above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Looks

Hint = tuple[str, str]
"""A key as people read it, and a word or two."""


class KeyBar(Widget):
    """One line. It draws whole hints only, as many as fit, the most important first."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key", "key-bar--title", "key-bar--message", "key-bar--trouble"}

    def __init__(self) -> None:
        super().__init__(id="key-bar")
        self._hints: tuple[Hint, ...] = ()
        self._message = ""
        self._trouble = False
        self._looks = Looks(UNICODE, BRAILLE)

    def looks_changed(self, looks: Looks) -> None:
        """Draws with other signs."""
        self._looks = looks
        self.refresh()

    @property
    def message(self) -> str:
        """What is said just now; empty while the hints are there."""
        return self._message

    def offer(self, hints: Sequence[Hint]) -> None:
        """Shows these keys."""
        if tuple(hints) != self._hints:
            self._hints = tuple(hints)
            if not self._message:
                self.refresh()

    def say(self, message: str, *, trouble: bool = False) -> None:
        """Shows a message in place of the hints; an empty one brings them back."""
        if (message, trouble) != (self._message, self._trouble):
            self._message, self._trouble = message, trouble
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        if self._message:
            style = self.get_component_rich_style("key-bar--trouble" if self._trouble else "key-bar--message")
            text = self._looks.words(rows_of(self._message, width)[-1])
            return Strip([Segment(f" {text}", style)]).adjust_cell_length(width, self.rich_style)
        key_style = self.get_component_rich_style("key-bar--key")
        title_style = self.get_component_rich_style("key-bar--title")
        segments: list[Segment] = []
        used = 0
        for key, title in fitting([(self._looks.words(key), title) for key, title in self._hints], width):
            segments += [Segment(f" {key}", key_style), Segment(f" {title} ", title_style)]
            used += len(key) + len(title) + 3
        return Strip(segments, used).adjust_cell_length(width, self.rich_style)


def fitting(hints: Sequence[Hint], width: int) -> list[Hint]:
    """The hints, in their order, that fit into ``width`` cells whole."""
    taken, left = [], width
    for key, title in hints:
        cost = len(key) + len(title) + 3
        if cost > left:
            break
        taken.append((key, title))
        left -= cost
    return taken


MOST_ROWS = 5
"""Rows of a message; what is longer is in the log."""


def rows_of(message: str, width: int) -> list[str]:
    """A message in rows of a terminal of ``width`` cells, broken between words, or between what two blanks part."""
    room, between = max(width - 2, 10), "  " if "  " in message else " "
    if len(message) <= room:
        return [message]
    rows = [""]
    for piece in message.split(between):
        joined = f"{rows[-1]}{between}{piece}" if rows[-1] else piece
        if rows[-1] and len(joined) > room:
            rows.append(piece[:room])
        else:
            rows[-1] = joined[:room]
    if len(rows) > MOST_ROWS:
        rows = [*rows[: MOST_ROWS - 1], f"{rows[MOST_ROWS - 1][: room - 3]}..."]
    return rows
