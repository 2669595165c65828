"""What a screen over the desk may follow: the app asks it whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from acetui.studio_state import StudioState


@runtime_checkable
class ShowsState(Protocol):
    """A screen over the desk that shows something of the studio too."""

    def show_state(self, state: StudioState) -> None:
        """The studio has said something."""


@runtime_checkable
class FollowsTakes(Protocol):
    """A screen over the desk that shows takes as they come and change."""

    def take_changed(self, take: Mapping[str, Any]) -> None:
        """A take is new, or is not what it was."""

    def show_heard(self) -> None:
        """Something else is heard, or it has gone on."""
