"""The engines of a session behind one door: whoever has a job for "the engine" asks here, and one of them does it.

With one engine this adds nothing but the sources' way to it. With several, a job goes to the engine that takes jobs and
has the fewest; what an engine loses is asked for again by whoever had asked, and then goes to another one. What it
is asked to make is settled before (seeds and all), so that it does not matter which.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.errors import EngineError
from engine.process import RenderEvent
from engine.protocol import Loaded, Output, TakeEvent
from sessions.events import EventLog
from sessions.source_paths import SourcePaths, taken_back
from sessions.supervisor import Models, Supervisor
from sessions.waiting import Waiting
from sessions.workers import ALONE, Worker

DEPTH = 2
"""Batches at an engine: the next one waits there while the current one is made, decoded and written."""


MANY = 1000
"""Jobs that no engine ever has."""


class Crew:
    """``engines`` are kept alive by whoever has their cards (``sessions.rooms``); here they get their jobs.

    ``models`` are what any engine is told to load; ``workers``, one an engine, say what each has of its own.
    """

    def __init__(
        self,
        engines: Sequence[Supervisor],
        models: Models,
        events: EventLog,
        *,
        workers: Sequence[Worker] = ALONE,
        sources: SourcePaths | None = None,
    ) -> None:
        self.engines = tuple(engines)
        self._models = dict(models)
        self._less: dict[str, Models] = {}
        self._workers = tuple(workers)
        self._events = events
        self._sources = sources
        self._waiting = Waiting()
        self._line: dict[str, bool] = {}
        """Jobs in line for an engine, in their order, and whether they go before the others."""

        self._at: dict[str, Supervisor] = {}
        """Which engine has which job."""

        self._mourned: dict[str, EngineError | None] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when an engine is ready, has ended a job, or is gone."""

        for engine in self.engines:
            engine.changed = self._changed
            engine.shown = lambda: not self.ready

    # --- what there is -----------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether a render would begin at once."""
        return any(engine.ready for engine in self.engines)

    @property
    def width(self) -> int:
        """How many engines can be given jobs right now, and one where none can: somebody waits for the first."""
        return max(1, sum(engine.taking for engine in self.engines))

    @property
    def restarting(self) -> bool:
        """Whether nothing can be made because engines have died, and the next ones are not ready yet."""
        return not self.ready and any(engine.restarting for engine in self.engines)

    @property
    def failure(self) -> EngineError | None:
        """Why there is no engine and will be none until ``use`` or ``retry``; None while there is hope for one."""
        failures = [engine.failure for engine in self.engines]
        return failures[0] if None not in failures else None

    @property
    def loaded(self) -> Loaded | None:
        """What an engine said of itself: one that is ready, else the first that ever was."""
        first = next((engine for engine in self.engines if engine.ready), None)
        return first.loaded if first else next((each.loaded for each in self.engines if each.loaded), None)

    @property
    def loading(self) -> dict[str, Any] | None:
        """How far a load is that everything waits for."""
        return None if self.ready else next((each.loading for each in self.engines if each.loading), None)

    @property
    def pid(self) -> int | None:
        """The process id of the first engine that runs."""
        return next(iter(self.pids), None)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all that run."""
        return tuple(engine.pid for engine in self.engines if engine.pid is not None)

    @property
    def models(self) -> Models:
        """What the next engine is told to load, but for what is its own; of several what the first is."""
        return {**self._models, **self._less.get(self.engines[0].name, {})}

    @property
    def starts(self) -> int:
        """How many engines were started."""
        return sum(engine.starts for engine in self.engines)

    @property
    def deaths(self) -> int:
        """How many have died."""
        return sum(engine.deaths for engine in self.engines)

    @property
    def recycled(self) -> int:
        """How many were replaced between batches."""
        return sum(engine.recycled for engine in self.engines)

    def idle(self) -> list[Supervisor]:
        """Engines that could do a job and have none."""
        loads = Counter(self._at.values())
        return [engine for engine in self.engines if engine.taking and not loads[engine]]

    # --- what they are told ------------------------------------------------------------------------------------------

    def use(self, models: Models, less: Mapping[str, Models] | None = None) -> None:
        """Renders with other models from the next job on; what is at an engine is finished first.

        ``less`` is what engines, by their names, are told in place of some of it.
        """
        self._models, self._less = dict(models), dict(less or {})
        for engine, worker in zip(self.engines, self._workers, strict=True):
            engine.use({**worker.options(models), **self._less.get(engine.name, {})})

    def lighten(self, less: Mapping[str, Models]) -> None:
        """The same models, and some engines do with less of them."""
        self.use(self._models, less)

    def retry(self) -> None:
        """Tries again after failures."""
        for engine in self.engines:
            engine.retry()

    def kill(self) -> None:
        """Ends all engines at once; others are started."""
        for engine in self.engines:
            engine.kill()

    async def cancel(self, job: str) -> None:
        """Stops a job at its engine's next step, or where it waits for one. What has ended already is no error."""
        if not self._waiting.cancel(job) and (engine := self._at.get(job)) is not None:
            await engine.cancel(job)

    async def render(
        self,
        job: str,
        request: Mapping[str, Any],
        output: Output,
        *,
        urgent: bool = False,
        aboard: Callable[[Supervisor], None] = lambda engine: None,
    ) -> AsyncGenerator[RenderEvent, None]:
        """The events of one render, once an engine has it; ``aboard`` is told which. Raises as ``Supervisor`` does.

        What is ``urgent`` goes before what waits, and not behind another job where several engines are.
        """
        with self._in_line(job, urgent):
            request, back = await asyncio.to_thread(self._sources.given, request) if self._sources else (request, {})
            engine = await self._engine_for(job, 1 if urgent else DEPTH)
        output = replace(output, names={path: name or "" for path, name in back.items()})
        try:
            aboard(engine)
            async with contextlib.aclosing(engine.render(job, request, output)) as events:
                async for event in events:
                    if back and isinstance(event, TakeEvent):
                        event = replace(event, take=taken_back(event.take, back))
                    yield event
        finally:
            self._leave(job)

    async def write(
        self, id: str, job: str, request: Mapping[str, Any], query: str = "", source: str | None = None
    ) -> dict[str, Any]:
        """What a planner writes, behind what its engine has to do already; raises as ``render`` does."""
        with self._in_line(id, urgent=True):
            engine = await self._engine_for(id, MANY)
        try:
            return await engine.write(id, job, request, query, source)
        finally:
            self._leave(id)

    @contextlib.contextmanager
    def _in_line(self, job: str, urgent: bool) -> Iterator[None]:
        """A place in the line from the moment of asking: what is slow to be looked up is not overtaken."""
        self._line[job] = urgent
        self._waiting.wake()  # one more in line may let the first of them go
        try:
            with self._waiting.of(job):
                yield
        finally:
            del self._line[job]
            self._waiting.wake()

    async def _engine_for(self, job: str, most: int) -> Supervisor:
        """Waits for an engine that has fewer than ``most`` jobs, once nobody in line comes first."""
        while True:
            self._waiting.check(job)
            if self.failure is not None:
                raise self.failure
            first = next((each for each, hurries in self._line.items() if hurries), next(iter(self._line)))
            if job == first and (engine := self._least_busy(most)) is not None:
                self._at[job] = engine
                return engine
            await self._waiting.change()

    def _least_busy(self, most: int) -> Supervisor | None:
        """An engine that takes a job and has fewer than ``most``; of several the one with the fewest.

        The only one is not waited for here: jobs wait at its own door until it is there. Of several none gets a job
        to wait behind another unless there is one for each: the last ones go to whoever is free first.
        """
        if len(self.engines) == 1:
            return self.engines[0]
        loads = Counter(self._at.values())
        fit = [engine for engine in self.engines if engine.taking and loads[engine] < most]
        best = min(fit, key=loads.__getitem__, default=None)
        return best if best is None or most > DEPTH or not loads[best] or len(self._line) >= len(fit) else None

    def _leave(self, job: str) -> None:
        del self._at[job]
        self._waiting.wake()
        self.changed()

    def _changed(self) -> None:
        self._waiting.wake()
        if self.failure is None:
            self._tell_of_failures()
        self.changed()

    def _tell_of_failures(self) -> None:
        """An engine that is given up while others go on is told of once; nobody else would."""
        for engine in self.engines:
            if engine.failure is not None and engine.failure is not self._mourned.get(engine.name):
                self._events.publish("notice", text=f"{engine.name}: {engine.failure.error} The other engines go on.")
            self._mourned[engine.name] = engine.failure
