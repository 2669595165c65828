"""Takes get the score that their parts come to: by today's weights, and by what their pool is like.

Both can change after a take was made. Then the scores of all takes, or of one pool, are worked out anew beside
everything else, those in sight first; an index says by which weights its scores were, so that a change while a session
is closed counts too, and what was left undone. Nothing but the index is written for it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.scoring.pooling import Scales
from engine.scoring.ranking import family, overall
from sessions.events import EventLog
from sessions.index import WEIGHED
from sessions.pools import Pools, every_scale
from sessions.store import Store
from sessions.tables import ScoreSettings
from sessions.take import Take

FORMULA = 2
"""Another one, and every take is weighed anew at the next opening."""

_EVERY = "trashed or not trashed"
_AT_ONCE = 200
"""Takes that are weighed in one go, some 20 ms; for so long the store takes nothing else."""


@dataclass(frozen=True)
class _Moved:
    """The takes of a pool whose scales are others by now."""

    numbers: Sequence[int]
    scales: Scales

    def of(self, take: Take) -> Scales:
        return self.scales


class Weighing:
    """The scores of a session's takes. ``weights`` are those of today."""

    def __init__(self, store: Store, events: EventLog, weights: Callable[[], ScoreSettings]) -> None:
        self._store, self._events, self._weights = store, events, weights
        self._pools = Pools(store)
        self._waiting: deque[_Moved | None] = deque()
        self._work: asyncio.Task[None] | None = None
        self._ending = threading.Event()
        self._writing = threading.Lock()

    def weighed(self, take: Take) -> Take:
        """A take with the score that its parts come to; one without parts keeps what it has.

        It is counted among its pool; what else that changes is done after ``go_on``. Reads the store, so not for the
        event loop's own thread.
        """
        if not take.parts:
            return take
        if moved := self._pools.join(take):
            self._waiting.append(_Moved(moved, self._pools.scales(take)))
        return take.replace(score=self.score_of(take))

    def again(self) -> None:
        """Has every take weighed anew."""
        if None not in self._waiting:
            self._waiting.append(None)
        self.go_on()

    def go_on(self) -> None:
        """Weighs what waits for it, beside everything else."""
        if self._waiting and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._through())

    async def begin(self) -> None:
        """Has every take weighed anew if the weights are others than when the session was open last."""
        with suppress(EngineError):
            if await asyncio.to_thread(self._store.noted, WEIGHED) != self._by():
                self.again()

    async def settle(self) -> None:
        """Waits until there is nothing to be weighed any more."""
        if self._work is not None:
            await asyncio.wait([self._work])

    async def close(self) -> None:
        """Leaves what waits to the next opening, which sees from the note that is missing that there is something.

        Nothing is written any more once it returns: the next one may have the session by then.
        """
        self._ending.set()
        await asyncio.to_thread(self._writing.acquire)
        self._writing.release()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def _through(self) -> None:
        try:
            await asyncio.to_thread(self._note, None)
            while self._waiting:
                by, moved = self._by(), self._waiting.popleft()
                if moved is None:
                    await self._every()
                else:
                    await self._these(moved.numbers, moved.of)
                    self._events.publish("notice", text=_words(moved))
            await asyncio.to_thread(self._note, by)
        except EngineError as error:
            self._events.publish("notice", text=f"Not every score is by today's weights: {error.error}")

    def _note(self, by: list[Any] | None) -> None:
        """Notes by what all scores are, unless it ends before they are."""
        with self._writing:
            if not self._ending.is_set():
                self._store.note(WEIGHED, by)

    async def _every(self) -> None:
        self._pools.forget()
        by_family = await asyncio.to_thread(lambda: every_scale(self._all()))
        best_first = await asyncio.to_thread(lambda: [*self._store.order("", "-score"), *self._store.order("trashed")])
        await self._these(best_first, lambda take: by_family.get(family(take.request, take.identity), {}))

    def _all(self) -> Iterator[Take]:
        for numbers in _parts(self._store.order(_EVERY, "number")):
            began = time.thread_time()
            yield from self._store.several(numbers)
            if self._rest(began):
                return

    async def _these(self, numbers: Sequence[int], scales: Callable[[Take], Scales]) -> None:
        for few in _parts(numbers):
            for take in await asyncio.to_thread(self._weigh, few, scales):
                tell(self._events, take, weighed=True)

    def _weigh(self, numbers: Sequence[int], scales: Callable[[Take], Scales]) -> list[Take]:
        """Those whose score is another one now, as they are since."""
        began, own = time.thread_time(), self._weights().own
        with self._writing:
            if self._ending.is_set():
                return []
            found = self._store.weigh(numbers, lambda take: overall(take.parts, take.request, own, scales(take)).score)
        self._rest(began)
        return found

    def _rest(self, began: float) -> bool:
        """Leaves others as much time of the processor as was taken since ``began``; whether all is to end."""
        return self._ending.wait(time.thread_time() - began)

    def score_of(self, take: Take) -> float | None:
        """What its parts come to, by today's weights and its pool as it is. Reads the store."""
        return overall(take.parts, take.request, self._weights().own, self._pools.scales(take)).score

    def _by(self) -> list[Any]:
        """What scores follow from beside their parts, as JSON has it."""
        return [FORMULA, {name: weight for name, weight in self._weights().own.items() if weight is not None}]


def tell(events: EventLog, take: Take, *, weighed: bool = False) -> None:
    """Tells of a take that was judged, or whose parts were only ``weighed`` anew."""
    parts, faults = dict(take.parts), list(take.faults)
    events.publish("scored", number=take.number, score=take.score, parts=parts, faults=faults, weighed=weighed)


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))


def _words(moved: _Moved) -> str:
    count = len(moved.numbers)
    return f"{count} takes were asked alike by now: their scores are by what these are like, from here on."
