"""A screen that tells of the models of the studio's machine: it asks for them, and again when they are others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import work

from acetui.screens.keyed import KeyedScreen
from acetui.studio_state import NOTHING, Connection, StudioState
from engine.errors import EngineError


class AsksModels(KeyedScreen):
    """``told`` is the studio's answer, and empty until there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Mapping[str, Any] = NOTHING
        self._asked_for: tuple[object, ...] = ()

    def show_state(self, state: StudioState) -> None:
        """The studio has said something: where that may be of models, they are asked for."""
        fetch = state.fetch and (state.fetch.state, state.fetch.model)
        about = (state.connection, state.revision, fetch, state.engine.get("ready"))
        if state.connection is Connection.THERE and about != self._asked_for:
            self._asked_for = about
            self._ask()
        self.show_models(state)

    def show_told(self, told: Mapping[str, Any]) -> None:
        """Shows what the studio has answered."""
        self.told = told
        self.show_models(self.studio.state)

    def show_models(self, state: StudioState) -> None:
        """Draws what is known."""

    @work(exclusive=True, exit_on_error=False)
    async def _ask(self) -> None:
        try:
            self.show_told(await self.studio.link.client.models())
        except EngineError as error:
            self._asked_for = ()
            self.studio.complain(error)
