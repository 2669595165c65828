"""What is done beside everything else: nobody waits for it, and what fails is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.errors import EngineError


class Errands:
    """Work under way. ``trouble`` is told what fails."""

    def __init__(self, trouble: Callable[[EngineError], None]) -> None:
        self._trouble = trouble
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Does something."""
        task = asyncio.create_task(self._done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def drop(self) -> None:
        """Does no more of it."""
        for task in self._tasks:
            task.cancel()

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except EngineError as error:
            self._trouble(error)
