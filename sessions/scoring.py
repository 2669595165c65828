"""Takes get their scores: from what the engine has measured before they are committed, from scorers afterwards.

Scorers judge beside the rendering: a slow or broken one costs no take.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from sessions.batch import Flight
from sessions.copies import Copies
from sessions.events import EventLog
from sessions.likeness import beside
from sessions.lists import NoTake
from sessions.store import Store
from sessions.tables import ScoreSettings
from sessions.take import Take
from sessions.taste import Tasting
from sessions.weighing import Weighing, tell

Scorer = Callable[[Take, Path], Awaitable[Mapping[str, Any]]]
"""Given a take and its audio, what it thinks of it, as ``Store.change`` takes it: score, parts, faults."""

MOST_WAITING = 16
"""Takes that may wait for their score before the loop waits for the scorers."""

_log = logging.getLogger(__name__)


class Scoring:
    """The scorers of a session. ``scored`` is called with every take as it is after it was judged."""

    def __init__(
        self,
        store: Store,
        events: EventLog,
        scorers: Sequence[Scorer],
        scored: Callable[[Take], None],
        *,
        weights: Callable[[], ScoreSettings],
    ) -> None:
        self._store = store
        self._events = events
        self._scorers = scorers
        self._scored = scored
        self._weighing = Weighing(store, events, weights)
        self._copies = Copies(store)
        self.taste = Tasting(store, self._weighing.score_of)
        self._queue: asyncio.Queue[Take] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._failed: set[int] = set()
        self.waiting = 0
        """Takes that have no score yet but will have."""

    @property
    def behind(self) -> bool:
        """Whether so many takes wait that the loop should."""
        return self.waiting >= MOST_WAITING

    def judged(self, flight: Flight, take: Take) -> Take:
        """A take that is about to be committed, with its score, and marked if it is another one once more.

        Reads the store, so not for the event loop's own thread.
        """
        same = self._copies.original(take, own_codes=not flight.batch.request.get("audio_codes"))
        take = take.replace(faults=(*take.faults, same)) if same else take
        with suppress(NoTake):  # what it was made from may be deleted by now
            take = beside(take, self._store.get(take.parent)) if take.parent else take
        return self._weighing.weighed(self.taste.onto(take))

    async def begin(self) -> None:
        """Has scores follow what has changed while the session was closed."""
        await self._weighing.begin()

    async def learn_taste(self) -> None:
        """Learns what a person likes anew if enough was said since, and has it count or not."""
        words = await asyncio.to_thread(self._learn_taste)
        if words:
            self._events.publish("notice", text=words)

    def reweigh(self) -> None:
        """Gives every take the score that it has by today's weights, beside everything else."""
        self._weighing.again()

    def put(self, take: Take) -> None:
        """Has a take that was committed judged when its turn comes."""
        self._weighing.go_on()
        if self._scorers:
            self.waiting += 1
            self._queue.put_nowait(take)
            if self._worker is None:
                self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Ends the scoring; takes that were not judged stay without a score."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._weighing.close()

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
                take = await asyncio.to_thread(self._change, take.number, dict(changes))
                tell(self._events, take)
                self._weighing.go_on()
        except Exception as error:
            _log.exception("a scorer failed at take %d", take.number)
            if number not in self._failed:  # once: a scorer that fails does so at every take
                self._failed.add(number)
                reason = error.error if isinstance(error, EngineError) else f"{type(error).__name__}: {error}."
                self._events.publish("notice", text=f"A scorer failed at take {take.number}: {reason}")
        return take

    def _change(self, number: int, changes: dict[str, Any]) -> Take:
        """What a scorer has found, beside what was there; the score follows from the parts, unless it says one."""
        if "parts" in changes:
            take = self._store.get(number)
            changes["parts"] = {**take.parts, **changes["parts"]}
            if "score" not in changes:
                changes["score"] = self._weighing.weighed(take.replace(parts=changes["parts"])).score
        return self._store.change(number, **changes)

    def _learn_taste(self) -> str:
        if not self.taste.due():
            return ""
        before = self.taste.counts
        for take in self.taste.learn():
            self._store.change(take.number, parts=dict(take.parts), score=self._weighing.weighed(take).score)
        return self.taste.words(before)
