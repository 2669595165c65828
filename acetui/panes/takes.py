"""The pane of takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from acetui.panes.heading import Heading
from acetui.studio_state import StudioState


class TakesBody(Static, can_focus=True):
    """What is in it."""


class TakesPane(Vertical):
    """takes under their heading."""

    SCOPE = "takes"

    def __init__(self) -> None:
        super().__init__(id="takes", classes="pane")
        self.heading = Heading("takes")
        self.body = TakesBody()

    def compose(self) -> ComposeResult:
        """Heading and body."""
        yield self.heading
        yield self.body

    def show(self, state: StudioState) -> None:
        """Shows the state."""

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.body)

    def studio_is_there(self) -> None:
        """Lists may have changed."""

    def studio_event(self, event: Mapping[str, Any]) -> None:
        """Something happened."""
