"""The lyrics, with their structure tags."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import TextArea

from acetui.panes.heading import Heading
from acetui.studio_state import StudioState


class LyricsPane(Vertical):
    """The editor of the lyrics under its heading."""

    SCOPE = "lyrics"

    def __init__(self) -> None:
        super().__init__(id="lyrics", classes="pane")
        self.heading = Heading("lyrics")
        self.editor = TextArea(soft_wrap=True, show_line_numbers=False, tab_behavior="focus", compact=True)
        self.editor.cursor_blink = False
        self._applied = ""

    def compose(self) -> ComposeResult:
        """The heading, then the text."""
        yield self.heading
        yield self.editor

    def show(self, state: StudioState) -> None:
        """Shows the applied text, where nothing else was typed since the last one."""
        applied = str(state.recipe.get("lyrics") or "")
        if applied != self._applied:
            if self.editor.text == self._applied:
                self.editor.text = applied
            self._applied = applied

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.editor)
