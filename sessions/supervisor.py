"""The engine process, kept alive: started, loaded, watched, started again when it dies, replaced when it grows.

Nothing here waits for the engine without letting the event loop go on. Jobs that were there when an engine died end
with EngineLost; what was on its way is for the caller to ask for again, and it waits until the next engine is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, BinaryIO, Self

from engine.errors import Cancelled, EngineError
from engine.files import sweep
from engine.process import COMMAND, EngineDied, EngineProcess, RenderEvent
from engine.protocol import (
    Done,
    ErrorEvent,
    Loaded,
    Message,
    Output,
    ProgressEvent,
    ProtocolError,
    TakeEvent,
    Written,
)
from sessions.clock import moment
from sessions.engine_life import EngineGaveUp, EngineLost, Life, Patience, last_words
from sessions.events import EventLog
from sessions.memory_watch import GB, MemoryWatch, resident_bytes
from sessions.source_paths import SourcePaths, taken_back
from sessions.watchdog import Watchdog

__all__ = ["EngineGaveUp", "EngineLost", "Models", "Patience", "Supervisor"]

Models = Mapping[str, Any]
"""What ``EngineProcess.load`` takes: models, dit, lm, device, dtype, threads."""


class Supervisor:
    """One engine at a time, for ``async with``. ``loaded`` is what the running one said of itself."""

    def __init__(
        self,
        models: Models,
        events: EventLog,
        *,
        command: Sequence[str] = COMMAND,
        log: BinaryIO | None = None,
        sources: SourcePaths | None = None,
        patience: Patience | None = None,
        watchdog: Watchdog | None = None,
        memory: MemoryWatch | None = None,
    ) -> None:
        self._models = dict(models)
        self._events = events
        self._command = command
        self._log = log
        self._sources = sources
        self._patience = patience or Patience()
        self._watchdog = watchdog or Watchdog()
        self._memory = memory or MemoryWatch()
        self._life = Life()
        self._open = False
        self._due = ""
        """Why the engine is to be replaced once it has nothing to do; empty if it is not."""

        self._deaths = 0
        self._jobs: dict[str, float] = {}
        """Jobs at the engine, and how large they are: takes times seconds."""

        self._waiting: dict[str, bool] = {}
        """Jobs that wait for an engine, and whether they are still wanted."""

        self._pulse = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._weighing: asyncio.Task[None] | None = None
        self.loaded: Loaded | None = None
        self.loading: dict[str, Any] | None = None
        """How far a load is that is under way, as its events tell."""

        self.failure: EngineError | None = None
        """Why there is no engine and will be none until ``use`` or ``retry``."""

        self.changed: Callable[[], None] = lambda: None
        """Called when an engine is ready, has ended a job, or is gone."""

        self.starts = 0
        self.deaths = 0
        self.recycled = 0

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            self.kill()  # it is loading, and has nothing to lose; asking it could take as long as the load
        tasks = [task for task in (self._keeper, self._weighing) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def ready(self) -> bool:
        """Whether a model is loaded and a render would begin at once."""
        return self._open

    @property
    def restarting(self) -> bool:
        """Whether an engine has died, and the next one is not ready yet."""
        return self._deaths > 0 and not self._open and self.failure is None

    @property
    def pid(self) -> int | None:
        """The process id of the engine that runs, if one does."""
        return self._life.engine.pid if self._life.engine else None

    @property
    def models(self) -> Models:
        """What the next engine is told to load."""
        return dict(self._models)

    def use(self, models: Models) -> None:
        """Renders with other models from the next job on; what is at the engine is finished first."""
        if dict(models) != self._models:
            self._models = dict(models)
            self._due = "other models were chosen"
            self.retry()

    def retry(self) -> None:
        """Tries again after a ``failure``."""
        if self.failure is not None:
            self.failure, self._deaths = None, 0
        self._wake()

    def kill(self) -> None:
        """Ends the engine at once; another one is started."""
        if self._life.engine:
            self._life.engine.kill()

    async def cancel(self, job: str) -> None:
        """Stops a job at the engine's next step, or where it waits for one. What has ended already is no error."""
        if job in self._waiting:
            self._waiting[job] = False
            self._wake()
        elif self._life.engine and job in self._jobs:
            with contextlib.suppress(EngineError):
                await self._life.engine.cancel(job)

    async def render(self, job: str, request: Mapping[str, Any], output: Output) -> AsyncGenerator[RenderEvent, None]:
        """The events of one render, once an engine is ready for it; several may be under way, one behind the other.

        Raises what the engine raised, EngineLost for one that died or stalled meanwhile, and ``failure`` where there
        is no engine to be had.
        """
        with self._cancellable(job):
            request, back = await asyncio.to_thread(self._sources.given, request) if self._sources else (request, {})
            life, engine = await self._admission(job)
        output = replace(output, names={path: name or "" for path, name in back.items()})
        size = len(request.get("seeds") or "1") * float(request.get("duration") or 60.0)
        self._jobs[job] = size
        self._watchdog.expect("conditions")
        try:
            async with contextlib.aclosing(engine.render(request, output, id=job)) as events:
                async for event in events:
                    if back and isinstance(event, TakeEvent):
                        event = replace(event, take=taken_back(event.take, back))
                    yield event
        except (EngineDied, ProtocolError) as gone:
            with contextlib.suppress(OSError):
                sweep(output.folder, engine.pid)
            hint = "Nothing that was announced is lost; what was on its way is made again."
            raise self._lost(life, gone, hint) from None

    async def write(
        self, id: str, job: str, request: Mapping[str, Any], query: str = "", source: str | None = None
    ) -> dict[str, Any]:
        """What the planner writes, behind what the engine has to do already; raises as ``render`` does."""
        with self._cancellable(id):
            life, engine = await self._admission(id)
        self._jobs[id] = 0.0
        self._watchdog.expect("planner")
        try:
            return await engine.write(job, request, query, source, id=id)
        except (EngineDied, ProtocolError) as gone:
            raise self._lost(life, gone, "Ask for it again.") from None

    def _lost(self, life: Life, gone: EngineDied | ProtocolError, hint: str) -> EngineLost:
        """What the job of an engine that is gone ends with."""
        if life is self._life:
            self._open = False  # the keeper learns of it in a moment; nobody is let in meanwhile
        killed = isinstance(gone, EngineDied) and gone.code == -signal.SIGKILL and life.stall is None
        return EngineLost(life.why(gone), hint, stage=life.last_stage(), killed=killed)

    async def _admission(self, job: str) -> tuple[Life, EngineProcess]:
        """Waits for an engine that takes jobs, which one that is to be replaced does not."""
        while self._waiting[job]:
            if self.failure is not None:
                raise self.failure
            if self._life.engine and self._open and not self._due:
                return self._life, self._life.engine
            await self._pulse.wait()
        raise Cancelled()

    @contextlib.contextmanager
    def _cancellable(self, job: str) -> Iterator[None]:
        """Until an engine has the job: a cancel that comes meanwhile is kept for ``_admission``."""
        self._waiting[job] = True
        try:
            yield
        finally:
            del self._waiting[job]

    # --- the life of engines -----------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Has an engine running, one after the other, until it is cancelled."""
        while True:
            self._due = ""
            life = self._life = Life()
            try:
                await self._live(life)
                self.recycled += 1
                continue
            except (EngineDied, ProtocolError, OSError) as death:
                delay = self._mourn(life, death)
            except EngineError as error:  # a model that is missing stays so however often it is asked for
                self.failure, delay = error, 0.0
            self._wake()
            if self.failure is None:
                await asyncio.sleep(delay)
            while self.failure is not None:
                await self._pulse.wait()

    async def _live(self, life: Life) -> None:
        """One engine from its start until it has to be replaced; raises when it dies."""
        self.starts += 1
        self._memory.restart()
        try:
            async with EngineProcess.start(
                command=self._command,
                log=self._log,
                hello_within=self._patience.hello,
                heard=lambda message: self._heard(life, message),
            ) as engine:
                life.engine = engine
                watch = asyncio.create_task(self._watch(life, engine))
                try:
                    self._watchdog.expect("load")
                    self.loaded = await engine.load(**self._models, progress=self._loading)
                    self._watchdog.rest()
                    self._open, self.loading = True, None
                    self._wake()
                    await self._until_replaced(engine)
                finally:
                    watch.cancel()
        finally:
            life.engine, self._open, self.loading = None, False, None
            self._jobs.clear()
            self._watchdog.rest()

    async def _until_replaced(self, engine: EngineProcess) -> None:
        """Returns when the engine is to be replaced and has nothing to do; raises when it is gone."""
        ended = asyncio.create_task(engine.ended())
        try:
            while not (self._due and not self._jobs):
                pulse = asyncio.create_task(self._pulse.wait())
                await asyncio.wait({ended, pulse}, return_when=asyncio.FIRST_COMPLETED)
                pulse.cancel()
                if ended.done():
                    raise ended.result()
        finally:
            ended.cancel()
        self._events.publish("notice", text=f"The engine is started anew: {self._due}.", engine="recycled")

    async def _watch(self, life: Life, engine: EngineProcess) -> None:
        """Ends an engine that is silent for too long."""
        life.stall = await self._watchdog.stalled(self._patience.tick)
        engine.kill()

    def _mourn(self, life: Life, death: EngineError | OSError) -> float:
        """Counts a death, tells of it, and returns how long to wait; sets ``failure`` where it is hopeless."""
        self.deaths += 1
        self._deaths += 1
        if isinstance(death, OSError):
            why = f"The engine could not be started: {death.strerror or type(death).__name__}."
        else:
            why = life.why(death)
        if self._deaths >= self._patience.deaths:
            sentence = f"The engine died {self._deaths} times in a row without finishing a take. The last time: {why}"
            self.failure = EngineGaveUp(sentence, last_words(death) or "Its log has the details.")
            return 0.0
        delay = float(min(self._patience.first_delay * 2 ** (self._deaths - 1), self._patience.longest_delay))
        self._events.publish(
            "notice", text=f"{why} It is started again in {delay:.1f} s.", engine="died", stage=life.last_stage()
        )
        return delay

    # --- what is heard -----------------------------------------------------------------------------------------------

    def _loading(self, event: ProgressEvent) -> None:
        since = self.loading["since"] if self.loading else moment()
        told = {"stage": event.stage, "done": event.done, "total": event.total, "take": None}
        self.loading = {**told, "since": since, "batch": None}
        self._events.publish("progress", **self.loading)

    def _heard(self, life: Life, message: Message) -> None:
        """Every message of the engine, the moment it comes."""
        match message:
            case ProgressEvent():
                life.stage = message.stage
                self._watchdog.heard(message.stage, message.done, message.total)
            case TakeEvent():
                self._deaths = 0
            case Done() | Written() | ErrorEvent() if message.id in self._jobs:
                size = self._jobs.pop(message.id)
                if self._jobs:
                    self._watchdog.sign()
                else:
                    self._watchdog.rest()
                if isinstance(message, Done) and self._weighing is None:
                    self._weighing = asyncio.create_task(self._weigh(size))
                self._wake()

    async def _weigh(self, size: float) -> None:
        """Looks at the engine's memory after a batch."""
        try:
            pid = self.pid
            resident = await asyncio.to_thread(resident_bytes, pid) if pid is not None else None
            if resident is not None and pid == self.pid and self._memory.too_much(resident, size):
                self._due = f"its memory grew from {self._memory.settled / GB:.1f} to {resident / GB:.1f} GB"
                self._wake()
        finally:
            self._weighing = None

    def _wake(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()
        self.changed()
