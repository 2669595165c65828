"""What the list of takes holds and in which order: filter, sort, groups, what is hidden, the trash."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from acetui.browsing import filter_help, saved_filters
from acetui.doing import Handler
from acetui.own_files import config_folder

if TYPE_CHECKING:
    from acetui.app import StudioApp

TYPING_REST_SECONDS = 0.2
"""How long typing must rest before the list follows what is typed."""

_SORTS = (
    ("best score first", "-score,number"),
    ("newest first", "-number"),
    ("oldest first", "number"),
    ("best rated first", "-rating,-score,number"),
    ("longest first", "-duration,-number"),
    ("shortest first", "duration,-number"),
    ("by name", "name,-number"),
    ("fastest first", "-bpm,-score"),
    ("slowest first", "bpm,-score"),
)

_ENDS = {
    "number": ("largest first", "smallest first"),
    "text": ("from z to a", "from a to z"),
    "list": ("from z to a", "from a to z"),
    "flag": ("those that are first", "those that are not first"),
}
"""What the two directions of a sort are called, by the kind of the field."""

_TIMES = ("latest first", "earliest first")


def list_with(app: StudioApp, **changes: Any) -> None:
    """Lists anew with other ``filter``, ``sort``, ``grouped``, ``hides_rejected`` or ``shows_trash``."""
    for name, value in changes.items():
        setattr(app.book, name, value)
    app.desk.takes.show(app.state)
    app.desk.takes.sync()
    app.feed.reorder()


async def filter_takes(app: StudioApp) -> None:
    """Asks for a filter; the list follows what is typed, and goes back to what it was where nothing is answered."""
    before = typed = app.book.filter
    follow = _Follower(app)
    problem = ""
    while True:
        if problem:  # once it is asked again
            app.desk.call_later(partial(app.desk.hint, problem, trouble=True))
        answer = await app.ask_line("filter:", typed, typing=follow.typed, complete=filter_help.going_on)
        follow.end()
        if answer is None:
            wanted = before
            break
        wanted = filter_help.meant(answer)
        problem, typed = filter_help.filter_problem(wanted), answer
        if not problem:
            break
    if wanted != app.book.filter:
        list_with(app, filter=wanted)


class _Follower:
    """Has the list follow a filter while it is typed; what is not understood is said meanwhile."""

    def __init__(self, app: StudioApp) -> None:
        self._app = app
        self._rest: asyncio.TimerHandle | None = None

    def typed(self, text: str) -> None:
        """``text`` is what is typed so far."""
        self.end()
        wanted = filter_help.meant(text)
        problem = filter_help.filter_problem(wanted)
        unfinished = filter_help.going_on(text) is not None and bool(filter_help.filter_problem(text))
        if problem or unfinished:
            self._app.desk.hint("" if unfinished else problem, trouble=True)
        elif wanted != self._app.book.filter:
            loop = asyncio.get_running_loop()
            self._rest = loop.call_later(TYPING_REST_SECONDS, lambda: list_with(self._app, filter=wanted))

    def end(self) -> None:
        """Nothing is typed any more."""
        if self._rest is not None:
            self._rest.cancel()


def sort_takes(app: StudioApp) -> None:
    """Offers the usual orders, and every field both ways."""
    from acetui.panes.palette import Entry

    def entry(title: str, sort: str) -> Entry:
        return Entry(title, "as it is now" if sort == app.book.sort else "", sort, lambda: list_with(app, sort=sort))

    entries = [entry(*each) for each in _SORTS]
    for name in filter_help.fields():
        down, up = _TIMES if name in ("created", "stored") else _ENDS[filter_help.kind_of(name)]
        entries += [entry(f"{name}, {down}", f"-{name},-number"), entry(f"{name}, {up}", f"{name},number")]
    app.desk.offer(entries, "sort how?")


async def save_filter(app: StudioApp) -> None:
    """Keeps the filter under a name."""
    if not app.book.filter.strip():
        app.say("There is no filter to save.")
        return
    name = await app.ask_line("save this filter as:")
    if name is None or not name.strip():
        return
    saved_filters.save(config_folder(), name.strip(), app.book.filter)
    app.say(f"The filter is saved as '{name.strip()}'.")


def saved_filter(app: StudioApp) -> None:
    """Offers the saved filters."""
    from acetui.panes.palette import Entry

    found = saved_filters.saved(config_folder())
    if not found:
        app.say("No filter is saved yet.")
        return
    entries = [
        Entry(name, filter, "", lambda filter=filter: list_with(app, filter=filter))  # type: ignore[misc]
        for name, filter in found.items()
    ]
    app.desk.offer(entries, "which filter?")


def hide_rejected(app: StudioApp) -> None:
    """Rejected takes go out of sight, or come back."""
    list_with(app, hides_rejected=not app.book.hides_rejected)


def group(app: StudioApp) -> None:
    """Takes of one revision stand together, or not."""
    list_with(app, grouped=not app.book.grouped)


def show_trash(app: StudioApp) -> None:
    """Lists the trash, or the takes again."""
    list_with(app, shows_trash=not app.book.shows_trash)


def sort_in(app: StudioApp) -> None:
    """New takes go to where they belong."""
    list_with(app)


HANDLERS: Mapping[str, Handler] = {
    "filter": filter_takes,
    "save-filter": save_filter,
    "saved-filter": saved_filter,
    "sort": sort_takes,
    "sort-in": sort_in,
    "hide-rejected": hide_rejected,
    "group": group,
    "show-trash": show_trash,
}
