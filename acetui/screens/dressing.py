"""How the app looks, while it runs: which theme and signs, changed with a key, kept in a person's own file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual import events
from textual.filter import LineFilter, Monochrome, NoColor
from textual.timer import Timer
from textual.widget import Widget

from acetui.looks import themes
from acetui.looks.signs import Looks, looks_of
from acetui.looks.terminal_settings import AUTO, FILE, Found, save
from acetui.looks.themes import MONO, Theme, Watch
from acetui.screens.themed import toolkit_theme
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp

LOOK_SECONDS = 1.0
"""How often the file of a person's own theme is looked at while it is in use."""

WIDTHS = {"narrow": 0, "medium": 100, "wide": 150}
"""From how many columns on each layout is the one that fits."""

_NEVER = 10**6

_FOR_THIS_RUN = ("--", "ACETUI_")
"""How the origins of choices begin that were made for this run alone."""


class Dressing:
    """The looks of one app. What was wrong with settings or theme is in ``problems``."""

    def __init__(self, app: StudioApp, found: Found) -> None:
        self._app = app
        self.origins = dict(found.origins)
        """Where the value of each setting comes from."""

        self.settings = found.settings
        self.looks = looks_of(found.settings)
        insisted = found.origins["theme"].startswith(_FOR_THIS_RUN)
        self.theme, wrong = themes.choose(found.settings.theme, insisted=insisted)
        self.problems: Sequence[EngineError] = (*found.problems, *wrong)
        self._watch = Watch(self.theme)
        self._timer: Timer | None = None
        self._lay_out()
        self._wear(self.theme)

    def begin(self) -> None:
        """The app runs: a theme of a person's own is looked after."""
        self._look_after()

    def put_on(self) -> None:
        """Other signs: whatever draws with some gets the ones that count now."""
        for screen in self._app.screen_stack:
            self.dress(screen)

    def dress(self, root: Widget) -> None:
        """Gives all that is in ``root`` the signs that count."""
        for widget in root.query("*"):
            if (changed := getattr(widget, "looks_changed", None)) is not None:
                changed(self.looks)
            elif isinstance(getattr(widget, "looks", None), Looks):
                widget.looks = self.looks  # type: ignore[attr-defined]
            widget.refresh()
        self._app.desk.show(self._app.state)
        self._app.desk.takes.sync()

    def filters(self, filters: Sequence[LineFilter]) -> list[LineFilter]:
        """What is done to everything that is drawn: without colours, no code of a colour is written at all."""
        kept = [each for each in filters if not isinstance(each, Monochrome | NoColor)]
        return [*kept, NoColor()] if self.theme.name == MONO else kept

    def preview(self, theme: Theme) -> None:
        """Shows a theme, and keeps nothing of it."""
        if theme != self.theme:
            self._wear(theme)

    def choose(self, name: str, value: Any) -> None:
        """Sets a setting from now on, and keeps it. Raises EngineError, and changes nothing, where that cannot be."""
        fields = type(self.settings).fields()
        value = fields[name].clean(value)
        theme = themes.find(value) if name == "theme" and value != AUTO else None
        save({name: value})
        self.settings = replace(self.settings, **{name: value})
        self.origins[name] = FILE
        if name == "theme":
            self._wear(theme or themes.choose(value)[0])
        elif name in ("ascii", "waveform", "slow_line"):
            self.looks = looks_of(self.settings)
            self.put_on()
        elif name == "layout":
            self._lay_out()
            size = self._app.size
            for screen in self._app.screen_stack:
                screen.post_message(events.Resize(size, size))
        elif name == "mouse":
            self._listen()
        elif fields[name].group == "sound":
            self._app.listening.use(self.settings)

    def _wear(self, theme: Theme) -> None:
        self.theme = theme
        self._app.register_theme(toolkit_theme(theme))
        if self._app.theme == theme.name:
            # The same name with other colours: the toolkit looks at names alone.
            self._app.mutate_reactive(type(self._app).theme)
        else:
            self._app.theme = theme.name
        self._watch = Watch(theme)
        self._look_after()

    def _lay_out(self) -> None:
        """Which class the screen has at which width: the one that was chosen at any."""
        chosen = self.settings.layout
        from_width = [(0 if name == chosen else _NEVER, f"-{name}") for name in WIDTHS]
        by_width = [(width, f"-{name}") for name, width in WIDTHS.items()]
        self._app.HORIZONTAL_BREAKPOINTS = by_width if chosen == AUTO else from_width

    def _listen(self) -> None:
        """Asks the terminal for the mouse, or leaves it alone: clicks, movements, and in the form that has no limit."""
        driver, on = self._app._driver, self.settings.mouse
        if driver is None:
            return
        driver._mouse = on  # after an editor has had the terminal, it is asked for the same
        driver.write("".join(f"\x1b[?{mode}{'h' if on else 'l'}" for mode in (1000, 1003, 1006)))
        driver.flush()

    def _look_after(self) -> None:
        """A person's own theme is followed while it is in use; there is nothing to follow otherwise."""
        wanted = self.theme.path is not None and self._app.is_running
        if wanted and self._timer is None:
            self._timer = self._app.set_interval(LOOK_SECONDS, self._follow)
        elif not wanted and self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _follow(self) -> None:
        """The file of the theme may have been edited."""
        if not self._watch.changed():
            return
        try:
            theme = themes.find(self.theme.name)
        except EngineError as error:
            self._app.complain(error)
            return
        if theme != self.theme:
            self._wear(theme)
            for weak in theme.weak()[:1]:
                self._app.say(weak)
