"""The log: moving in it, and showing less of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp

_FAR = 10**6


def page(app: StudioApp) -> int:
    """Lines of the log that are seen at once."""
    return max(1, app.desk.log_pane.rows.size.height - 1)


def next_level(app: StudioApp) -> None:
    """Everything, what the studio says, errors alone."""
    app.desk.key_bar.say(f"The log shows {app.desk.log_pane.next_level()}.")


async def find(app: StudioApp) -> None:
    """Only lines with some words in them."""
    words = await app.ask_line("Lines with the words:", app.desk.log_pane.book.words)
    if words is not None:
        app.desk.log_pane.find(words)


HANDLERS: Mapping[str, Handler] = {
    "log-down": lambda app: app.desk.log_pane.rows.move(1),
    "log-up": lambda app: app.desk.log_pane.rows.move(-1),
    "log-page-down": lambda app: app.desk.log_pane.rows.move(page(app)),
    "log-page-up": lambda app: app.desk.log_pane.rows.move(-page(app)),
    "log-end": lambda app: app.desk.log_pane.rows.move(_FAR),
    "log-start": lambda app: app.desk.log_pane.rows.move(-_FAR),
    "log-level": next_level,
    "log-find": find,
}
