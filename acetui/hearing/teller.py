"""Telling the studio what this terminal shows and plays: so that its audio stays, and pages can follow."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from acetui.looks.terminal_settings import PAGE
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client
    from acetui.player.player import Heard

GATHER_SECONDS = 0.08
"""What happens within so long is told at once: a held key is not a request each time."""


def what_to_tell(heard: Heard | None, number: int | None, selected: int | None, *, blind: bool) -> dict[str, Any]:
    """What there is to tell of what is ``heard``, take ``number``, with the cursor on ``selected``."""
    if heard is None or heard.sound is None or heard.ended:
        return {"take": None, "selected": selected, "playing": False}
    sounds = heard.output not in ("", PAGE)
    if blind and sounds:
        return {"take": number if heard.playing else None}  # its audio stays, and no page says which it is
    return {
        "take": number,
        "selected": None if blind else selected,
        "second": round(heard.second, 3),
        "playing": heard.playing,
        "sounds": sounds,
        "region": None if heard.region is None else list(heard.region),
    }


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
