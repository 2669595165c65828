"""The models: what renders, what this machine has room for, and fetching it."""

from __future__ import annotations

import time

from textual.app import ComposeResult

from acetui.keyboard.keys import shown
from acetui.model_words import model_lines
from acetui.panes.heading import Heading
from acetui.panes.note_line import NoteLine
from acetui.panes.text_lines import TextLines
from acetui.screens.asks_models import AsksModels
from acetui.studio_state import StudioState


class ModelsScreen(AsksModels):
    """Those of the machine that the studio is on."""

    SCOPE = "models"

    def __init__(self) -> None:
        super().__init__()
        self._rows = TextLines()
        self.note = NoteLine(most=2)

    def compose(self) -> ComposeResult:
        """A heading, the lines, and what is said."""
        there = self.studio.elsewhere
        yield Heading("models" if there is None else f"models of {there.host}")
        yield self._rows
        yield self.note

    def on_mount(self) -> None:
        """The keys go to the lines."""
        self.studio.dressing.dress(self)
        closes = [f"{shown(key)} closes" for key in self.studio.keymap.keys("models-close")[:1]]
        self.query_one(Heading).show(active=True, note="".join(closes))
        self.set_focus(self._rows)
        self.show_state(self.studio.state)

    def on_resize(self) -> None:
        """Lines are broken elsewhere."""
        self.show_models(self.studio.state)

    def key_pressed(self) -> None:
        """What was said has been read."""
        self.note.say("")

    def show_models(self, state: StudioState) -> None:
        """All of it, in lines of the width."""
        if self.size.width:
            looks = self.studio.looks
            self._rows.show(model_lines(self.told, state.fetch, time.monotonic(), self.size.width, looks))
