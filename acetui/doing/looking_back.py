"""The history: through the revisions, and one of them back as a draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp


def show(app: StudioApp) -> None:
    """Every revision."""
    from acetui.screens.history import History

    app.writing.pull()
    app.writing.drafting  # noqa: B018  (what is not there yet is told now)
    app.push_screen(History())


def move(app: StudioApp, *, rows: int = 0, pages: int = 0) -> None:
    """Other revisions."""
    from acetui.screens.history import History

    if isinstance(app.screen, History):
        app.screen.move(rows + pages * app.screen.page)


def scroll(app: StudioApp, by: int) -> None:
    """Other lines of what changed."""
    from acetui.screens.history import History

    if isinstance(app.screen, History):
        app.screen.diff.scroll_by(by)


async def take_back(app: StudioApp) -> None:
    """The revision under the cursor as a draft."""
    from acetui.screens.history import History

    if isinstance(app.screen, History):
        await app.screen.take_back()


def close(app: StudioApp) -> None:
    """Back to the desk."""
    if len(app.screen_stack) > 1:
        app.pop_screen()


HANDLERS: Mapping[str, Handler] = {
    "history": show,
    "history-down": lambda app: move(app, rows=1),
    "history-up": lambda app: move(app, rows=-1),
    "history-page-down": lambda app: move(app, pages=1),
    "history-page-up": lambda app: move(app, pages=-1),
    "history-more": lambda app: scroll(app, 3),
    "history-less": lambda app: scroll(app, -3),
    "history-take-back": take_back,
    "history-close": close,
}
