"""Looks: themes, plain signs, the mouse, and the screen of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler
from acetui.looks import themes
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp
    from acetui.screens.settings import SettingsScreen


def next_theme(app: StudioApp) -> None:
    """The next theme that can be used, in the order of their names."""
    names = themes.names()
    here = names.index(app.dressing.theme.name) if app.dressing.theme.name in names else -1
    for name in names[here + 1 :] + names[: here + 1]:
        try:
            app.dressing.choose("theme", name)
        except EngineError as error:
            app.complain(error)
            continue
        app.say(f"{app.dressing.theme.title}.")
        return


def choose_theme(app: StudioApp) -> None:
    """A theme by its name."""
    from acetui.panes.palette import Entry

    def wear(name: str) -> None:
        try:
            app.dressing.choose("theme", name)
        except EngineError as error:
            app.complain(error)

    found = themes.shelf()
    for problem in found.problems:
        app.complain(problem)
    entries = [
        Entry(name, f"{theme.title}, {theme.kind}", "", lambda name=name: wear(name))  # type: ignore[misc]
        for name, theme in found.themes.items()
    ]
    app.desk.offer(entries, "which theme?")


def ascii_signs(app: StudioApp) -> None:
    """Plain ASCII, or signs again."""
    app.dressing.choose("ascii", not app.looks.ascii)
    app.say("Drawn with plain ASCII." if app.looks.ascii else "Drawn with Unicode's signs.")


def mouse(app: StudioApp) -> None:
    """The mouse is the studio's, or the terminal's for selecting text."""
    on = not app.dressing.settings.mouse
    app.dressing.choose("mouse", on)
    app.say("The studio listens to the mouse." if on else "The mouse is the terminal's: it selects text.")


def settings(app: StudioApp) -> None:
    """Everything that can be set."""
    from acetui.screens.settings import SettingsScreen

    app.push_screen(SettingsScreen())


def settings_screen(app: StudioApp) -> SettingsScreen:
    """The screen of settings, which is on top while its actions count."""
    from acetui.screens.settings import SettingsScreen

    assert isinstance(app.screen, SettingsScreen)
    return app.screen


HANDLERS: Mapping[str, Handler] = {
    "next-theme": next_theme,
    "theme": choose_theme,
    "ascii": ascii_signs,
    "mouse": mouse,
    "settings": settings,
    "settings-down": lambda app: settings_screen(app).move(1),
    "settings-up": lambda app: settings_screen(app).move(-1),
    "settings-next": lambda app: settings_screen(app).turn(1),
    "settings-previous": lambda app: settings_screen(app).turn(-1),
    "settings-keep": lambda app: settings_screen(app).keep(),
    "settings-close": lambda app: settings_screen(app).leave(),
}
