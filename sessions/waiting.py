"""Jobs that wait for something to change, and are still wanted or not: a cancel that comes meanwhile is kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any

from engine.errors import Cancelled


class Waiting:
    """Who waits, and the moment in which they look again. It belongs to one event loop."""

    def __init__(self) -> None:
        self._wanted: dict[str, bool] = {}
        self._pulse = asyncio.Event()

    @contextlib.contextmanager
    def of(self, job: str) -> Iterator[None]:
        """Inside the block ``job`` waits, and can be cancelled."""
        self._wanted[job] = True
        try:
            yield
        finally:
            del self._wanted[job]

    def cancel(self, job: str) -> bool:
        """Stops a job that waits, at its next ``check``; False for one that does not wait."""
        if job not in self._wanted:
            return False
        self._wanted[job] = False
        self.wake()
        return True

    def check(self, job: str) -> None:
        """Raises Cancelled for a job that is not wanted any more."""
        if not self._wanted[job]:
            raise Cancelled()

    def wake(self) -> None:
        """Something has changed: everybody looks again."""
        self._pulse.set()
        self._pulse = asyncio.Event()

    def change(self) -> Coroutine[Any, Any, Any]:
        """What is over at the next ``wake`` after this call, to be awaited at any time."""
        return self._pulse.wait()
