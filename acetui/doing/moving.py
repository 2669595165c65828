"""Moving through the list of takes, and selecting several. Nothing here asks the studio for anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from acetui.browsing.take_book import TakeBook
from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp


def _on_book(act: Callable[[TakeBook], object]) -> Handler:
    """A handler that does something with the list, and shows it as it is then."""

    def handle(app: StudioApp) -> None:
        act(app.book)
        app.desk.takes.sync()

    return handle


def to_new(app: StudioApp) -> None:
    """The cursor goes to the new takes."""
    if not app.book.go_to_new():
        app.say("Nothing new: every take is sorted in.")
    app.desk.takes.sync()


def to_parent(app: StudioApp) -> None:
    """The cursor goes to the take that this one was made from."""
    row = None if app.book.cursor is None else app.book.row(app.book.cursor)
    if row is None or row.parent is None:
        app.say("This take was made from no other.")
    elif row.parent_number is None:
        app.say("The take that it was made from is gone.")
    elif not app.book.go_to(row.parent_number):
        app.say(f"Take {row.parent_number} is not in this list; Esc takes the filter away.")
    app.desk.takes.sync()


async def to_unheard(app: StudioApp) -> None:
    """The cursor goes to the next take that was not heard: one that is known here, else wherever the studio says."""
    book = app.book
    near = {number for number in book.list.lines if (row := book.row(number)) and row.verdict == "unheard"}
    if not book.seek(near - {book.cursor}, 1):
        filter, sort = book.query()
        found = await app.link.client.order(f"({filter}) and unheard" if filter else "unheard", sort)
        if not book.seek(set(found) - {book.cursor}, 1):
            app.say("Every other take of this list was heard, or judged.")
    app.desk.takes.sync()


def clear(app: StudioApp) -> None:
    """The selection goes; without one, the filter."""
    if app.book.selected:
        app.book.clear()
        app.desk.takes.sync()
    elif app.book.filter:
        from acetui.doing.listing import list_with

        list_with(app, filter="")


HANDLERS: Mapping[str, Handler] = {
    "down": _on_book(lambda book: book.move(1)),
    "up": _on_book(lambda book: book.move(-1)),
    "first": _on_book(lambda book: book.move_to(0)),
    "last": _on_book(lambda book: book.move_to(len(book.list) - 1)),
    "half-down": _on_book(lambda book: book.page(0.5)),
    "half-up": _on_book(lambda book: book.page(-0.5)),
    "page-down": _on_book(lambda book: book.page(1)),
    "page-up": _on_book(lambda book: book.page(-1)),
    "new": to_new,
    "parent": to_parent,
    "unheard": to_unheard,
    "select": _on_book(lambda book: book.toggle()),
    "select-to-here": _on_book(lambda book: book.select_to_here()),
    "select-all": _on_book(lambda book: book.select_all()),
    "clear": clear,
}
