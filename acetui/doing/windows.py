"""Panes and screens: where the keys go, what fills the screen, help, palette, and the ways out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler
from acetui.studio_state import Connection

if TYPE_CHECKING:
    from acetui.app import StudioApp


def show_help(app: StudioApp) -> None:
    """Every key."""
    from acetui.screens.help import Help

    app.push_screen(Help(app.desk.scopes()))


def palette(app: StudioApp) -> None:
    """Anything by its name."""
    app.desk.open_palette()


def next_pane(app: StudioApp) -> None:
    """The keys go to the pane after this one."""
    app.desk.move_focus(1)


def previous_pane(app: StudioApp) -> None:
    """The keys go to the pane before this one."""
    app.desk.move_focus(-1)


def zoom(app: StudioApp) -> None:
    """One pane fills the screen."""
    app.desk.zoom()


def log(app: StudioApp) -> None:
    """The log comes and goes."""
    app.desk.toggle_log()


def redraw(app: StudioApp) -> None:
    """What another program has written over the screen goes."""
    app.painting.forget()
    app.refresh()


def close(app: StudioApp) -> None:
    """The screen that lies over the desk goes."""
    if len(app.screen_stack) > 1:
        app.pop_screen()


def scroll_help(app: StudioApp, *, lines: int = 0, pages: int = 0) -> None:
    """Other rows of the help are seen."""
    from acetui.screens.help import Help

    if isinstance(app.screen, Help):
        app.screen.scroll(lines + pages * app.screen.page)


async def leave(app: StudioApp) -> None:
    """The terminal ends, and nothing else does."""
    back = _way_back(app)
    await app.writing.close()
    if app.state.loop.on and app.state.connection is Connection.THERE:
        ends = "'Q' there" if app.elsewhere is not None else f"'acetui studio {app.state.name} --stop'"
        app.exit(f"The loop goes on. '{back}' comes back to it, {ends} ends it.")
    else:
        app.exit(f"'{back}' comes back.")


async def stop_and_leave(app: StudioApp) -> None:
    """The studio ends too."""
    if app.state.loop.on and not await app.confirm("The loop is on. End it, and the studio?"):
        return
    await app.writing.close()
    app.ends_studio = True
    app.exit(f"'{_way_back(app)}' comes back.")


def _way_back(app: StudioApp) -> str:
    """The command that opens this session again."""
    if app.elsewhere is not None:
        return f"acetui connect {app.elsewhere.host} {app.state.name}"
    return f"acetui {app.state.name}"


HANDLERS: Mapping[str, Handler] = {
    "help": show_help,
    "palette": palette,
    "next-pane": next_pane,
    "previous-pane": previous_pane,
    "caption": lambda app: app.desk.go_to("caption"),
    "lyrics": lambda app: app.desk.go_to("lyrics"),
    "metadata": lambda app: app.desk.go_to("metadata"),
    "takes": lambda app: app.desk.go_to("takes"),
    "leave-text": lambda app: app.desk.go_to("takes"),
    "zoom": zoom,
    "zoom-take": lambda app: app.desk.zoom_take(),
    "log": log,
    "redraw": redraw,
    "leave": leave,
    "stop-and-leave": stop_and_leave,
    "help-close": close,
    "help-down": lambda app: scroll_help(app, lines=1),
    "help-up": lambda app: scroll_help(app, lines=-1),
    "help-page-down": lambda app: scroll_help(app, pages=1),
    "help-page-up": lambda app: scroll_help(app, pages=-1),
    "dismiss": lambda app: app.desk.dismiss_question(),
    "complete": lambda app: app.desk.prompt.complete(),
    "choice-down": lambda app: app.desk.palette.choose(1),
    "choice-up": lambda app: app.desk.palette.choose(-1),
}
