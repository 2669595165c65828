"""The pane of takes: its heading, and the list beneath it."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

from textual.app import ComposeResult
from textual.containers import Vertical

from acetui.browsing.row_text import Outline
from acetui.browsing.take_book import TakeBook
from acetui.panes.heading import Heading
from acetui.panes.take_list import TakeList
from acetui.studio_state import Connection, StudioState

_SORTS = {"-score": "best first", "-number": "newest first", "number": "oldest first"}


class TakesPane(Vertical):
    """The list of takes under a heading that says what is listed, how it is sorted, and what is new."""

    SCOPE = "takes"

    def __init__(self, book: TakeBook, outlines: Mapping[int, Outline]) -> None:
        super().__init__(id="takes", classes="pane")
        self.book = book
        self.heading = Heading("takes")
        self._state = StudioState("")
        self.list = TakeList(book, outlines)
        self.playing: int | None = None
        """The take that is heard."""

        self.compared = ""
        """Which takes are compared, in words."""

    def compose(self) -> ComposeResult:
        """Heading and list."""
        yield self.heading
        yield self.list

    def show(self, state: StudioState) -> None:
        """What to say where there are no takes depends on what the studio does."""
        self._state = state
        self.sync()

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.list)

    def sync(self) -> None:
        """Shows the book as it is now."""
        new = f"{self.book.unseen} new {self.list.looks.glyphs.down}" if self.book.unseen else ""
        dot = self.list.looks.glyphs.dot
        words = heading_words(self.book, dot)
        self.heading.show(name=f"{words} {dot} {self.compared}" if self.compared else words, note=new)
        room = max(self.list.size.width - 2, 20)
        empty = [line for words in empty_words(self.book, self._state) for line in wrap(words, room)]
        self.list.show(playing=self.playing, empty=tuple(empty))

    def on_resize(self) -> None:
        """What stands in place of takes is broken elsewhere."""
        if not len(self.book):
            self.sync()


def empty_words(book: TakeBook, state: StudioState) -> tuple[str, ...]:
    """What stands in place of takes where there are none."""
    if state.connection is not Connection.THERE:
        return (state.trouble or "Looking for the studio.",)
    if book.shows_trash:
        return ("The trash is empty.", "D lists the takes again.")
    if book.filter.strip():
        return ("No take passes the filter.", "Esc takes it away.")
    if book.hides_rejected and state.counts.get("total"):
        return ("Every take here is rejected, and rejected takes are hidden.", "H shows them again.")
    if state.loop.on:
        return ("The first take is on its way.",)
    return ("No takes yet.", "Write a caption, and ^g renders it. a has the loop render on and on.")


def heading_words(book: TakeBook, dot: str) -> str:
    """What is listed: ``takes · 47 · best first``."""
    count = f"{len(book)}, {len(book.selected)} selected" if book.selected else f"{len(book)}"
    words = ["trash" if book.shows_trash else "takes", count]
    if book.filter.strip():
        words.append(f"filter {book.filter.strip()}")
    if book.hides_rejected:
        words.append("rejected hidden")
    words.append(sort_words(book.sort))
    if book.grouped:
        words.append("by revision")
    return f" {dot} ".join(words)


def sort_words(sort: str) -> str:
    """A sort as people say it: ``best first``, ``by duration, longest first`` as ``by duration ↓``."""
    first = sort.partition(",")[0].strip()
    if first in _SORTS:
        return _SORTS[first]
    return f"by {first.removeprefix('-')}" + (", largest first" if first.startswith("-") else "")
