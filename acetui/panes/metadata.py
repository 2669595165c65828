"""The pane of metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from acetui.panes.heading import Heading
from acetui.studio_state import StudioState


class MetadataBody(Static, can_focus=True):
    """What is in it."""


class MetadataPane(Vertical):
    """metadata under their heading."""

    SCOPE = "metadata"

    def __init__(self) -> None:
        super().__init__(id="metadata", classes="pane")
        self.heading = Heading("metadata")
        self.body = MetadataBody()

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
