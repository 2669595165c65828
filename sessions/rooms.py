"""The rooms of a session's engines: each has its own card and its own lease, and all are wanted together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import EngineError
from sessions.crew import Crew
from sessions.engine_room import EngineRoom
from sessions.events import EventLog
from sessions.gpu_lease import LeaseHolder
from sessions.supervisor import Supervisor
from sessions.workers import Worker


class Rooms:
    """Runs the engines of ``crew`` while there is work, which ``busy`` tells; each waits for its own card alone."""

    def __init__(
        self,
        crew: Crew,
        workers: Sequence[Worker],
        events: EventLog,
        session: str,
        device: str,
        busy: Callable[[], bool],
    ) -> None:
        self._crew = crew
        self._workers = tuple(workers)
        told = [lambda: crew.failure, *(_nothing for _ in workers[1:])]  # one that all have in common is told once
        self._rooms = [
            EngineRoom(engine, events, session, _place(worker, device), busy, failure)
            for engine, worker, failure in zip(crew.engines, workers, told, strict=True)
        ]

    @property
    def waiting_for(self) -> LeaseHolder | None:
        """Who has the card, while that is what everything waits for."""
        return None if self._crew.ready else next((room.waiting_for for room in self._rooms if room.waiting_for), None)

    def want(self) -> None:
        """There is work, or there will be soon: engines are started where none run."""
        for room in self._rooms:
            room.want()

    def move(self, device: str) -> None:
        """The next job is for ``device``, where engines have none of their own."""
        for room, worker in zip(self._rooms, self._workers, strict=True):
            if worker.device is None:
                room.move(device)
            else:
                room.want()

    async def run(self) -> None:
        """Has engines whenever they are wanted, until it is cancelled; all are then ended."""
        running = [asyncio.create_task(room.run()) for room in self._rooms]
        try:
            failed, _ = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        finally:  # not gather: it returns with the first that has ended, and the others would be cut short at it
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for each in failed:
            each.result()

    def described(self, at_work: Callable[[Supervisor], Any]) -> list[dict[str, Any]]:
        """Each engine as the API tells of it; ``at_work`` says what it makes."""
        return [
            {
                "name": engine.name or None,
                "state": _state(engine, room),
                "pid": engine.pid,
                "device": engine.loaded.identity.get("device") if engine.loaded else None,
                "waiting_for": str(room.waiting_for) if room.waiting_for else None,
                "failure": engine.failure and engine.failure.to_dict(),
                "batch": at_work(engine),
            }
            for engine, room in zip(self._crew.engines, self._rooms, strict=True)
        ]


def _nothing() -> EngineError | None:
    return None


def _place(worker: Worker, device: str) -> str:
    """What is leased for a worker: an engine elsewhere takes no card from here."""
    return "cpu" if worker.command is not None else worker.card or worker.device or device


def _state(engine: Supervisor, room: EngineRoom) -> str:
    """ready, loading, restarting, waiting, failed or asleep."""
    if engine.failure is not None:
        return "failed"
    if engine.ready:
        return "ready"
    if room.waiting_for is not None:
        return "waiting"
    if engine.restarting:
        return "restarting"
    return "loading" if engine.pid is not None else "asleep"
