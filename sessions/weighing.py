"""Takes get the score that their parts come to: by today's weights, and by what their pool is like.

Both can change after a take was made. Then the scores of all takes, or of one pool, are worked out anew beside
everything else; an index says by which weights its scores were, so that a change while a session is closed counts too.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from engine.errors import EngineError
from engine.scoring.ranking import overall
from sessions.events import EventLog
from sessions.lists import NoTake
from sessions.pools import Pools
from sessions.store import Store
from sessions.tables import ScoreSettings
from sessions.take import Take

FORMULA = 2
"""Another one, and every take is weighed anew at the next opening."""

_NOTE = "weighed by"
_EVERY = "trashed or not trashed"
_AT_ONCE = 200


class Weighing:
    """The scores of a session's takes. ``weights`` are those of today."""

    def __init__(self, store: Store, events: EventLog, weights: Callable[[], ScoreSettings]) -> None:
        self._store, self._events, self._weights = store, events, weights
        self._pools = Pools(store)
        self._waiting: deque[Sequence[int] | None] = deque()
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
            self._waiting.append(moved)
        return take.replace(score=self.score_of(take))

    def again(self) -> None:
        """Has every take weighed anew."""
        self._waiting.append(None)
        self.go_on()

    def go_on(self) -> None:
        """Weighs what waits for it, beside everything else."""
        if self._waiting and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._through())

    async def begin(self) -> None:
        """Has every take weighed anew if the weights are others than when the session was open last."""
        with suppress(EngineError):
            if await asyncio.to_thread(self._store.noted, _NOTE) != self._by():
                self.again()

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
            await asyncio.to_thread(self._store.note, _NOTE, None)
            while self._waiting:
                by, numbers = self._by(), self._waiting.popleft()
                if numbers is None:
                    await self._every()
                else:
                    await self._these(numbers)
                    self._events.publish("notice", text=_moved(numbers))
            await asyncio.to_thread(self._store.note, _NOTE, by)
        except EngineError as error:
            self._events.publish("notice", text=f"Not every score is by today's weights: {error.error}")

    async def _every(self) -> None:
        numbers = await asyncio.to_thread(self._store.order, _EVERY, "number")
        await asyncio.to_thread(lambda: self._pools.read(self._all(numbers)))
        await self._these(numbers)

    def _all(self, numbers: Sequence[int]) -> Iterator[Take]:
        for start in range(0, len(numbers), _AT_ONCE):
            yield from self._store.several(numbers[start : start + _AT_ONCE])

    async def _these(self, numbers: Sequence[int]) -> None:
        for start in range(0, len(numbers), _AT_ONCE):
            for take in await asyncio.to_thread(self._weigh, numbers[start : start + _AT_ONCE]):
                tell(self._events, take, weighed=True)

    def _weigh(self, numbers: Sequence[int]) -> list[Take]:
        """Those whose score is another one now, as they are since."""
        found = []
        for take in self._store.several(numbers):
            with self._writing:
                if self._ending.is_set():
                    break
                if take.parts and (score := self.score_of(take)) != take.score:
                    with suppress(NoTake):  # it was deleted meanwhile
                        found.append(self._store.change(take.number, score=score))
        return found

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


def _moved(numbers: Sequence[int]) -> str:
    return f"{len(numbers)} takes were asked alike by now: their scores are by what these are like, from here on."
