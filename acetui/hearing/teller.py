"""Telling the studio what this terminal shows and plays: so that its audio stays, and pages can follow."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client

GATHER_SECONDS = 0.08
"""What happens within so long is told at once: a held key is not a request each time."""


class Teller:
    """Tells in the background, the latest alone. ``state`` is what there is to tell then."""

    def __init__(self, client: Callable[[], Client], state: Callable[[], Mapping[str, Any]]) -> None:
        self._client = client
        self._state = state
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        self.player = f"terminal-{os.getpid()}"

    def soon(self) -> None:
        """Something is other than it was told."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell())

    async def close(self) -> None:
        """Says the last that there is to say, if that is quick."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self) -> None:
        while self._wanted:
            await asyncio.sleep(GATHER_SECONDS)
            self._wanted = False
            with contextlib.suppress(EngineError):  # the line is broken: it is said again with the next change
                await self._client().playing(self.player, **self._state())
