"""The welcome: what this machine can do, and a first take with one key."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from acetui.keyboard.keys import shown
from acetui.panes.heading import Heading
from acetui.screens.asks_models import AsksModels
from acetui.studio_state import StudioState
from acetui.welcome_words import Paragraph, welcome

_MARGIN = 2


class WelcomeText(Widget, can_focus=True):
    """The paragraphs, broken to the width."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"welcome--title", "welcome--text", "welcome--keys"}

    DEFAULT_CSS = """
    WelcomeText { height: 1fr; }
    WelcomeText > .welcome--title { color: $primary; text-style: bold; }
    WelcomeText > .welcome--keys { color: $accent; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._paragraphs: tuple[Paragraph, ...] = ()
        self._lines: list[tuple[str, str]] = []

    def show(self, paragraphs: tuple[Paragraph, ...]) -> None:
        """Shows these."""
        if paragraphs != self._paragraphs:
            self._paragraphs = paragraphs
            self._break()

    def on_resize(self) -> None:
        """Lines are broken elsewhere."""
        self._break()

    def _break(self) -> None:
        width = max(20, min(self.size.width, 100) - 2 * _MARGIN)
        # Between paragraphs there is an empty line, where there is room for it.
        roomy = self.size.height >= 16
        self._lines = [("text", "")] if roomy else []
        for paragraph in self._paragraphs:
            self._lines.append(("title", paragraph.title))
            self._lines += [("text", line) for sentence in paragraph.sentences for line in wrap(sentence, width)]
            self._lines += [("text", "")] if roomy else []
        keys = [("keys", line) for line in wrap("Enter makes a first take. Esc looks around. ? has every key.", width)]
        room = max(self.size.height - len(keys), 0)
        if len(self._lines) > room:  # what is to be pressed stands there however small it gets
            self._lines = [*self._lines[: max(room - 1, 0)], ("text", "…")]
        self._lines += keys
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        kind, text = self._lines[y] if y < len(self._lines) else ("text", "")
        style = self.get_component_rich_style(f"welcome--{kind}")
        words = self.app.looks.words(text) if hasattr(self.app, "looks") else text
        return Strip([Segment(" " * _MARGIN + words, style)]).adjust_cell_length(self.size.width, self.rich_style)


class Welcome(AsksModels):
    """Shown when there is no session yet, and whenever one asks for it."""

    SCOPE = "welcome"

    def __init__(self) -> None:
        super().__init__()
        self._heading = Heading("welcome to acetui")
        self._text = WelcomeText()

    def compose(self) -> ComposeResult:
        """A heading and the text."""
        yield self._heading
        yield self._text

    def on_mount(self) -> None:
        """What is known so far."""
        self._heading.show(active=True)
        self.studio.dressing.dress(self)
        self.set_focus(self._text)
        self.show_state(self.studio.state)

    def show_models(self, state: StudioState) -> None:
        """The machine and its models."""
        keys = "".join(map(shown, self.studio.keymap.keys("welcome-models")[:1])) or ":"
        session = self.studio.session_folder
        self._text.show(welcome(state.machine, self.told, session, fetch=state.fetch, keys=keys))
