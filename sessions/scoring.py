"""Scorers judge takes beside the rendering, after they are committed: a slow or broken one costs no take."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from sessions.events import EventLog
from sessions.store import Store
from sessions.take import Take

Scorer = Callable[[Take, Path], Awaitable[Mapping[str, Any]]]
"""Given a take and its audio, what it thinks of it, as ``Store.change`` takes it: score, parts, faults."""

MOST_WAITING = 16
"""Takes that may wait for their score before the loop waits for the scorers."""

_log = logging.getLogger(__name__)


class Scoring:
    """The scorers of a session. ``scored`` is called with every take as it is after it was judged."""

    def __init__(
        self, store: Store, events: EventLog, scorers: Sequence[Scorer], scored: Callable[[Take], None]
    ) -> None:
        self._store = store
        self._events = events
        self._scorers = scorers
        self._scored = scored
        self._queue: asyncio.Queue[Take] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._failed: set[int] = set()
        self.waiting = 0
        """Takes that have no score yet but will have."""

    @property
    def behind(self) -> bool:
        """Whether so many takes wait that the loop should."""
        return self.waiting >= MOST_WAITING

    def put(self, take: Take) -> None:
        """Has a take judged when its turn comes."""
        if self._scorers:
            self.waiting += 1
            self._queue.put_nowait(take)
            if self._worker is None:
                self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Ends the scoring; takes that were not judged stay without a score."""
        if self._worker:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            take = await self._queue.get()
            for number, scorer in enumerate(self._scorers):
                take = await self._judge(number, scorer, take)
            self.waiting -= 1
            self._scored(take)

    async def _judge(self, number: int, scorer: Scorer, take: Take) -> Take:
        try:
            changes = await scorer(take, self._store.path(take))
            if changes:
                take = await asyncio.to_thread(self._store.change, take.number, **changes)
                self._events.publish(
                    "scored", number=take.number, score=take.score, parts=dict(take.parts), faults=list(take.faults)
                )
        except Exception as error:
            _log.exception("a scorer failed at take %d", take.number)
            if number not in self._failed:  # once: a scorer that fails does so at every take
                self._failed.add(number)
                reason = error.error if isinstance(error, EngineError) else f"{type(error).__name__}: {error}."
                self._events.publish("notice", text=f"A scorer failed at take {take.number}: {reason}")
        return take
