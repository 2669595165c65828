"""The engine of a session: there while it is wanted and its card is free, and the card given up when others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.errors import EngineError
from sessions.events import EventLog
from sessions.gpu_lease import Lease, LeaseHolder, card_of
from sessions.supervisor import Supervisor

IDLE_SECONDS = 600.0
"""How long an engine with nothing to do keeps its memory: a person who listens will want more."""

HAND_OVER_SECONDS = 5.0
"""The same where another studio waits for the card."""

LOOK_SECONDS = 0.5


class EngineRoom:
    """Runs ``supervisor`` when there is work.

    ``busy`` says whether there is any right now; ``failure``, why there will be no engine for it, if people are to be
    told of that here.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        events: EventLog,
        session: str,
        device: str,
        busy: Callable[[], bool],
        failure: Callable[[], EngineError | None],
    ) -> None:
        self._supervisor = supervisor
        self._events = events
        self._session = session
        self._device = device
        self._busy = busy
        self._failure = failure
        self._wanted = asyncio.Event()
        self._refused: str | None = None
        self.waiting_for: LeaseHolder | None = None
        """Who has the card, while that is what everything waits for."""

    def want(self) -> None:
        """There is work, or there will be soon: an engine is started if none runs."""
        self._wanted.set()

    def move(self, device: str) -> None:
        """The next job is for ``device``; what runs on another card is finished there."""
        self._device = device
        self.want()

    async def run(self) -> None:
        """Has an engine whenever it is wanted, until it is cancelled; the engine is then ended."""
        while True:
            await self._until(self._is_wanted)
            card = await asyncio.to_thread(card_of, self._device)
            lease = Lease(card, self._session)
            try:
                async with lease.during(self._told):
                    self.waiting_for = self._refused = None
                    self._wanted.clear()
                    async with self._supervisor:
                        await self._while_needed(lease, card)
            except EngineError as error:  # there is no lease to be had: the state folder is not ours, or full
                if str(error) != self._refused:  # once, however often it is tried
                    self._events.publish("error", **error.to_dict())
                self._refused = str(error)
                await asyncio.sleep(HAND_OVER_SECONDS)
            finally:
                self.waiting_for = None

    def _is_wanted(self) -> bool:
        return self._wanted.is_set() or self._busy()

    async def _while_needed(self, lease: Lease, card: str | None) -> None:
        """Returns when the engine has had nothing to do for long enough, or another card is asked for."""
        clock = asyncio.get_running_loop().time
        used = clock()
        told: EngineError | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            failure = self._failure()
            if failure is not told and failure is not None and not self._busy():  # who is at work is told of it anyway
                self._events.publish("error", **failure.to_dict())
            told = failure
            if self._is_wanted():
                used = clock()
                self._wanted.clear()
            idle = clock() - used
            if idle > IDLE_SECONDS or (idle > HAND_OVER_SECONDS and lease.is_wanted()):
                return
            if card_of(self._device) != card and not self._busy_here():
                self.want()
                return

    def _busy_here(self) -> bool:
        """Whether this engine still has work; with other models to come, it gets no more."""
        return self._supervisor.ready and self._busy()

    def _told(self, holder: LeaseHolder) -> None:
        self.waiting_for = holder
        card = f"the card of {self._supervisor.name}" if self._supervisor.name else "the card"
        self._events.publish("notice", text=f"Waiting for {card}: {holder} has it.")

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                continue
