"""Batches go through engines, and their takes into the store. What comes next is decided elsewhere.

The takes of one engine are committed in the order in which its batches were sent, those of several as they come: one
after the other in any case, and a number is given when a take is committed, so that numbers follow what is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import Cancelled, EngineError, RenderFailed
from engine.file_names import INDEX, paths_of
from engine.protocol import Notice, Output, ProgressEvent, TakeEvent
from engine.tags import TAKE
from sessions.batch import Batch, Flight
from sessions.crew import Crew
from sessions.engine_life import EngineLost
from sessions.events import EventLog
from sessions.store import Store
from sessions.supervisor import Supervisor
from sessions.take import Take

RETRY_SECONDS = 5.0
"""How long to wait before a take that could not be committed is tried again."""

MOST_REMARKS = 100
"""Remarks of the engine that are remembered, so as not to be told twice."""

_log = logging.getLogger(__name__)


class Renderer:
    """``flights`` are the batches on their way, in their order.

    ``judged`` gives every take its score, in a thread of its own; ``committed`` is called for it once it is safe,
    ``landed`` for every flight when it is over, and ``moved`` when anything else has changed; ``boards`` may refuse a
    flight an engine that has no room for it; ``estimate`` adds to progress how long it will take. ``trouble`` says why
    the store takes nothing at the moment.
    """

    def __init__(
        self,
        crew: Crew,
        store: Store,
        events: EventLog,
        *,
        judged: Callable[[Flight, Take], Take],
        committed: Callable[[Flight, Take], None],
        landed: Callable[[Flight], None],
        moved: Callable[[], None],
        boards: Callable[[Flight, Supervisor], None],
        estimate: Callable[[Flight], Mapping[str, Any]],
    ) -> None:
        self._crew = crew
        self._store = store
        self._events = events
        self._judged = judged
        self._committed = committed
        self._landed = landed
        self._moved = moved
        self._boards = boards
        self._estimate = estimate
        self._jobs = itertools.count(1)
        self._commits = asyncio.Lock()
        self._last: dict[Supervisor, Flight] = {}
        """What each engine was given last."""

        self._strays: dict[tuple[str, int, int | None], list[Path]] = {}
        self._remarked: dict[tuple[int | None, str], None] = {}
        self.flights: list[Flight] = []
        self.trouble: EngineError | None = None
        self._giving_up = asyncio.Event()
        self._wishes: set[asyncio.Task[None]] = set()

    @property
    def front(self) -> Flight | None:
        """The flight that takes are made for; of several at work the one that was sent first."""
        unmade = [flight for flight in self.flights if not flight.computed]
        return next((flight for flight in unmade if flight.begun), next(iter(unmade), None))

    def progress(self) -> dict[str, Any] | None:
        """What is being made right now, as the last event told of it; None where nothing is."""
        flight = self.front
        if flight is None or flight.progress is None:
            return None
        return {**flight.object(flight.progress), **self._estimate(flight)}

    def at_work(self, engine: Supervisor) -> dict[str, Any] | None:
        """What an engine makes: the number of its batch (None for what was asked for), and how many takes of it."""
        mine = (flight for flight in self.flights if flight.engine is engine and flight.begun and not flight.computed)
        flight = next(mine, None)
        return None if flight is None else {"number": flight.batch.number, "size": len(flight.batch.seeds)}

    def send(self, batch: Batch) -> Flight:
        """Puts a batch on its way behind the others."""
        flight = Flight(batch, f"{batch.id}-{next(self._jobs)}")
        self.flights.append(flight)
        flight.task = asyncio.create_task(self._fly(flight))
        return flight

    def stop(self, flight: Flight, why: str, *, drop: frozenset[int] = frozenset()) -> None:
        """Stops a flight at the engine's next step; takes that are finished are kept."""
        if flight.why is not None or flight not in self.flights:
            return
        flight.why, flight.dropped = why, flight.dropped | drop
        wish = asyncio.create_task(self._crew.cancel(flight.job))
        self._wishes.add(wish)
        wish.add_done_callback(self._wishes.discard)

    def stop_after(self, flight: Flight, why: str) -> None:
        """Stops a flight once what is being made is finished."""
        if flight.last is None:
            flight.last = max(flight.current(), default=len(flight.batch.seeds) - 1)
        flight.last_why = why

    def make_way(self, flights: list[Flight]) -> bool:
        """Lets something more urgent come first: what is nearly made is finished, the rest stops at its next step.

        Of several engines one makes way, the one that is in front, and none where one has nothing to do. Whether
        anything that was being made has to wait.
        """
        waits, front = False, self.front
        if self._crew.idle():
            return False
        for flight in flights:
            if flight.computed or (front is not None and flight.engine not in (None, front.engine)):
                continue
            waits = waits or flight.begun
            now = flight.progress
            if now is not None and now.stage == "decode" and now.done < now.total:
                self.stop_after(flight, "preempt")
            else:
                self.stop(flight, "preempt")
        return waits

    def give_up(self) -> None:
        """Does not wait any longer for a store that takes nothing; the audio stays, and the next start finds it."""
        self._giving_up.set()

    def carry_on(self) -> None:
        """Waits for the store again."""
        self._giving_up.clear()

    async def close(self) -> None:
        """Ends what is on its way, whatever becomes of it; a commit that has begun is finished."""
        self.give_up()
        tasks = [flight.task for flight in self.flights if flight.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._wishes, return_exceptions=True)
        async with self._commits:
            pass

    async def _fly(self, flight: Flight) -> None:
        try:
            await self._carry(flight)
        except EngineError as error:
            flight.error = error
            if isinstance(error, EngineLost):
                self._note_strays(flight)
        except Exception:
            _log.exception("a batch could not be carried through")
            hint = "The log has the details; please report it."
            flight.error = RenderFailed("A batch failed unexpectedly.", hint)
        await self._turn(flight)
        self.flights.remove(flight)
        flight.over.set()
        self._landed(flight)

    async def _turn(self, flight: Flight) -> None:
        """Waits for the flight that its engine had before this one: the engine may be ahead of the store."""
        if flight.before is not None:
            await flight.before.over.wait()
            flight.before = None

    async def _carry(self, flight: Flight) -> None:
        if flight.why is not None:  # stopped before its task began
            raise Cancelled()
        output = self._output(flight)
        urgent = flight.batch.ask is not None
        events = self._crew.render(
            flight.job, flight.batch.job(), output, urgent=urgent, aboard=lambda engine: self._board(flight, engine)
        )
        async with contextlib.aclosing(events):
            async for event in events:
                match event:
                    case ProgressEvent():
                        self._progress(flight, event)
                    case TakeEvent():
                        await self._take(flight, event.take)
                    case Notice():
                        self._notice(flight, event.text)

    def _board(self, flight: Flight, engine: Supervisor) -> None:
        """An engine has it, behind what else it has; raises what ``boards`` does."""
        self._boards(flight, engine)
        flight.engine, flight.before = engine, self._last.get(engine)
        self._last[engine] = flight

    def _notice(self, flight: Flight, text: str) -> None:
        """What the engine remarks of a request is told once for each revision, and not for every batch of it."""
        about = flight.batch.revision, text
        if flight.batch.ask is not None or about not in self._remarked:
            self._events.publish("notice", text=text)
        self._remarked[about] = None
        if len(self._remarked) > MOST_REMARKS:
            del self._remarked[next(iter(self._remarked))]

    def _output(self, flight: Flight) -> Output:
        format = str(flight.batch.request.get("audio_format") or "flac")
        folder = str(self._store.folder / "takes")
        tags = {TAKE: json.dumps(flight.batch.origin())}
        named = {"title": flight.batch.name} if flight.batch.name else {}
        return Output(folder, f"new-{flight.job}-{INDEX}", format, keep_latents=True, tags=tags | named)

    def _progress(self, flight: Flight, event: ProgressEvent) -> None:
        now = asyncio.get_running_loop().time()
        if event.stage != "write":
            first = flight.progress is None
            flight.moved(event)
            flight.busy_from = now if flight.busy_from is None else flight.busy_from
            flight.busy_until = now
            if first:
                self._moved()
            if flight.last is not None and flight.current() and min(flight.current()) > flight.last:
                self.stop(flight, flight.last_why)
        if (front := self.front) is None or front.engine is flight.engine:  # of several engines one is followed
            self._events.publish("progress", **flight.object(event), **self._estimate(flight))

    async def _take(self, flight: Flight, rendered: Mapping[str, Any]) -> None:
        """Commits one take; the event is published once it is safe."""
        batch = flight.batch
        await self._turn(flight)
        async with self._commits:
            number = await asyncio.to_thread(self._store.next_number)
            named = {"name": batch.name} if batch.name else {}
            take = Take.from_render(rendered, self._store.folder, number=number, **batch.origin(), **named)
            take = await self._commit(await asyncio.to_thread(self._judged, flight, take))
            index = rendered["layout"]["index"]
            flight.made[index] = take
            if batch.ask is not None:
                batch.ask.takes.append(take)
            self._remove_strays(batch.key(index))
            self._committed(flight, take)

    async def _commit(self, take: Take) -> Take:
        """Puts a take into the store, however long that has to be tried: a disk may be full for a while."""
        while True:
            try:
                committed = await asyncio.shield(asyncio.to_thread(self._store.commit, take))
                if self.trouble is not None:
                    self.trouble = None
                    self._moved()
                return committed
            except RenderFailed as error:
                if self.trouble is None:
                    self._events.publish("error", **error.to_dict())
                self.trouble = error
                self._moved()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await self._giving_up.wait()
                if self._giving_up.is_set():
                    raise

    # --- what a lost engine leaves -----------------------------------------------------------------------------------

    def _note_strays(self, flight: Flight) -> None:
        """Files of takes that were written and never told of.

        The batch is made again; only when a take is there for good does its first copy go. If that never comes to
        pass, the next start of the session finds the audio and makes a take of it.
        """
        output = self._output(flight)
        for index, seed in enumerate(flight.batch.seeds):
            audio, *others = paths_of(output, seed, index)
            if index in flight.made:
                continue
            if audio.exists():
                self._strays.setdefault(flight.batch.key(index), []).extend([audio, *others])
            else:
                _remove(others)

    def _remove_strays(self, key: tuple[str, int, int | None]) -> None:
        _remove(self._strays.pop(key, []))


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
