"""An engine process kept alive: started, loaded, watched, started again when it dies, replaced when it grows.

Nothing here waits for the engine without letting the event loop go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Self

from engine.errors import EngineError
from engine.process import COMMAND, EngineDied, EngineProcess
from engine.protocol import Done, ErrorEvent, Loaded, Message, ProgressEvent, ProtocolError, TakeEvent, Written
from sessions.clock import moment
from sessions.engine_life import Deaths, EngineGaveUp, Life, Patience
from sessions.events import EventLog
from sessions.memory_watch import MemoryWatch
from sessions.waiting import Waiting
from sessions.watchdog import Watchdog

Models = Mapping[str, Any]
"""What ``EngineProcess.load`` takes: models, dit, lm, device, dtype, threads."""


class EngineKeeper:
    """The half of ``Supervisor`` that works by itself, for ``async with``."""

    def __init__(
        self,
        models: Models,
        events: EventLog,
        *,
        command: Sequence[str] = COMMAND,
        log: BinaryIO | None = None,
        patience: Patience | None = None,
        watchdog: Watchdog | None = None,
        memory: MemoryWatch | None = None,
        name: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._models = dict(models)
        self._events = events
        self._command = command
        self._env = dict(env or {})
        self._log = log
        self._patience = patience or Patience()
        self._watchdog = watchdog or Watchdog()
        self._memory = memory or MemoryWatch()
        self._life = Life()
        self._open = False
        self._due = ""
        """Why the engine is to be replaced once it has nothing to do; empty if it is not."""

        self._deaths = Deaths(self._patience)
        self._jobs: dict[str, float] = {}
        """Jobs at the engine, and how large they are: takes times seconds."""

        self._waiting = Waiting()
        self._keeper: asyncio.Task[None] | None = None
        self._weighing: asyncio.Task[None] | None = None
        self.loaded: Loaded | None = None
        self.loading: dict[str, Any] | None = None
        """How far a load is that is under way, as its events tell."""

        self.failure: EngineError | None = None
        """Why there is no engine and will be none until ``use`` or ``retry``."""

        self.changed: Callable[[], None] = lambda: None
        """Called when an engine is ready, has ended a job, or is gone."""

        self.name = name
        """Which of several engines it is; empty for the only one."""

        self.shown: Callable[[], bool] = lambda: True
        """Whether its loading is what people should look at, and not what another engine makes."""

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
    def taking(self) -> bool:
        """Whether a job that came now would be at the engine at once; one that is to be replaced takes none."""
        return self._open and not self._due

    @property
    def restarting(self) -> bool:
        """Whether an engine has died, and the next one is not ready yet."""
        return self._deaths.in_a_row > 0 and not self._open and self.failure is None

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
            self.failure, self._deaths.in_a_row = None, 0
        self._wake()

    def kill(self) -> None:
        """Ends the engine at once; another one is started."""
        if self._life.engine:
            self._life.engine.kill()

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
                await self._waiting.change()

    async def _live(self, life: Life) -> None:
        """One engine from its start until it has to be replaced; raises when it dies."""
        self.starts += 1
        self._memory.restart()
        try:
            async with EngineProcess.start(
                command=self._command,
                env=self._env,
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
                pulse = asyncio.create_task(self._waiting.change())
                await asyncio.wait({ended, pulse}, return_when=asyncio.FIRST_COMPLETED)
                pulse.cancel()
                if ended.done():
                    raise ended.result()
        finally:
            ended.cancel()
        self._tell(f"The engine is started anew: {self._due}.", engine="recycled")

    async def _watch(self, life: Life, engine: EngineProcess) -> None:
        """Ends an engine that is silent for too long."""
        life.stall = await self._watchdog.stalled(self._patience.tick)
        engine.kill()

    def _mourn(self, life: Life, death: EngineError | OSError) -> float:
        """Counts a death, tells of it, and returns how long to wait; sets ``failure`` where it is hopeless."""
        self.deaths += 1
        why = life.why(death)
        next_start = self._deaths.count(why, death)
        if isinstance(next_start, EngineGaveUp):
            self.failure = next_start
            return 0.0
        self._tell(f"{why} It is started again in {next_start:.1f} s.", engine="died", stage=life.last_stage())
        return next_start

    # --- what is heard -----------------------------------------------------------------------------------------------

    def _loading(self, event: ProgressEvent) -> None:
        since = self.loading["since"] if self.loading else moment()
        told = {"stage": event.stage, "done": event.done, "total": event.total, "take": None}
        self.loading = {**told, "since": since, "engine": self.name or None, "batch": None}
        if self.shown():
            self._events.publish("progress", **self.loading)

    def _heard(self, life: Life, message: Message) -> None:
        """Every message of the engine, the moment it comes."""
        match message:
            case ProgressEvent():
                life.stage = message.stage
                self._watchdog.heard(message.stage, message.done, message.total)
            case TakeEvent():
                self._deaths.in_a_row = 0
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
            grown = await self._memory.look(pid, size) if pid is not None else ""
            if grown and pid == self.pid:
                self._due = grown
                self._wake()
        finally:
            self._weighing = None

    def _tell(self, text: str, **more: Any) -> None:
        self._events.publish("notice", text=f"{self.name}: {text}" if self.name else text, **more)

    def _wake(self) -> None:
        self._waiting.wake()
        self.changed()
