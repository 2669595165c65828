"""One session at work in this process: its lock, takes, revisions, engine and loop, opened and closed together.

The studio and a jam in a terminal are both made of it. Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EngineError
from engine.process import COMMAND
from sessions.autogen import AutoGen
from sessions.crew import Crew
from sessions.engine_life import Patience
from sessions.eta import Eta
from sessions.events import EventLog
from sessions.findings import edited_line
from sessions.lock_keeper import LockKeeper
from sessions.memory_watch import MemoryWatch
from sessions.places import state_folder
from sessions.playing import Playing
from sessions.plugins import Plugin, wanted
from sessions.revisions import Revision, Revisions
from sessions.rooms import Rooms
from sessions.scoring import Scorer
from sessions.source_paths import SourcePaths
from sessions.store import Store
from sessions.supervisor import Models, Supervisor
from sessions.watch import Broken, Watcher
from sessions.watchdog import Watchdog
from sessions.worker_names import VARIABLE, WANTS, asked_for
from sessions.workers import ALONE, Worker, workers

LOOK_AGAIN_SECONDS = 2.0
"""How long after its start a session looks for takes that were edited by hand."""

TASTE_SECONDS = 15.0
"""How long after a verdict it is looked whether a person's taste can be learnt from them all."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What the engine of a session is and how it is treated; the defaults are for everybody but tests.

    ``models`` go before the session's own for as long as it is open.
    """

    models: Models = field(default_factory=dict)
    command: Sequence[str] = COMMAND
    log: BinaryIO | None = None
    scorers: Sequence[Scorer] = ()
    workers: str = ""
    """Which engines, as ``sessions.workers`` has it, before what the session says of it."""

    patience: Patience = field(default_factory=Patience)
    watchdog: Watchdog | None = None
    memory: MemoryWatch | None = None

    def load_options(self, session: Path, revision: Revision) -> dict[str, Any]:
        """What the engine is told to load."""
        own = {name: value for name, value in self.models.items() if value is not None}
        return {**revision.settings.models.load_options(session), **own}

    def crew(self, models: Models, workers: Sequence[Worker], events: EventLog, sources: SourcePaths) -> Crew:
        """The engines that are told to load ``models``."""
        engines = [
            Supervisor(
                worker.options(models),
                events,
                command=(*worker.command, *self._elsewhere) if worker.command else self.command,
                log=self.log,
                patience=self.patience,
                watchdog=replace(self.watchdog) if self.watchdog else None,
                memory=replace(self.memory) if self.memory else None,
                name=worker.name,
                env=worker.env,
            )
            for worker in workers
        ]
        return Crew(engines, models, events, workers=workers, sources=sources)

    @property
    def _elsewhere(self) -> tuple[str, ...]:
        """What an engine of another machine is told of the program that renders there; nothing of the usual one."""
        return () if self.command == COMMAND else ("--", *self.command)


class AtWork:
    """The parts of a session that is open, made by ``at_work``."""

    def __init__(
        self,
        keeper: LockKeeper,
        store: Store,
        revisions: Revisions,
        with_: Equipment,
        eta: Eta,
        workers: Sequence[Worker] = ALONE,
    ) -> None:
        self.store = store
        self.revisions = revisions
        self.events = EventLog()
        self.playing = Playing()
        self._with = with_
        options = with_.load_options(store.folder, revisions.current)
        self.engine = with_.crew(options, workers, self.events, SourcePaths(store.folder, store.get))
        self.plugins = self._plugins(revisions.current)
        self.loop = AutoGen(
            store,
            revisions.current,
            self.engine,
            self.events,
            eta=eta,
            scorers=(*with_.scorers, *self.plugins),
            poll=with_.patience.tick,
            playing=self.playing.numbers,
        )
        device = str(options["device"])
        self.room = Rooms(self.engine, workers, self.events, store.folder.name, device, self._is_busy)
        self.lost = keeper.lost
        """Set when the session is somebody else's: nothing may be written to it any more."""

        self.editing = asyncio.Lock()
        """Held by whoever makes a revision."""

        self.errands: set[asyncio.Task[Any]] = set()
        """What people have asked for and is not there yet."""

    def begin(self, errand: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Does something that needs the engine, and goes on with it when whoever asked is gone."""
        task = asyncio.create_task(errand)
        self.errands.add(task)
        task.add_done_callback(self._done)
        self.room.want()
        return task

    def follow(self, revision: Revision, before: Revision) -> None:
        """Makes a revision count from the next batch on."""
        if revision.number == before.number:
            return
        options = self._with.load_options(self.store.folder, revision)
        self.loop.follow(revision, models=options)
        self.room.move(str(options["device"]))
        self.events.publish("recipe", revision=revision.number, changed=revision.changed)
        if revision.settings.models.workers != before.settings.models.workers:
            self.events.publish("notice", text="Other engines count from the next start of the session.")

    def _plugins(self, revision: Revision) -> list[Plugin]:
        """Scorers of other packages that this session wants; what there is to know of them is told."""
        found, missing = wanted(revision.settings.scores.weights_of_others)
        for words in (*(plugin.words() for plugin in found), *missing):
            self.events.publish("notice", text=words)
        return found

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        for line in self.store.report.lines():
            self.events.publish("notice", text=line)
        works = (self.room.run(), self._follow_edits(), self._look_again(), self._learn_taste())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            tasks += self.errands
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *(plugin.close() for plugin in self.plugins), return_exceptions=True)

    def _is_busy(self) -> bool:
        """Whether there is work for an engine right now."""
        return bool(self.errands) or self.loop.state in ("loading", "rendering", "stopping")

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.errands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, EngineError):
                _log.error("something that was asked for failed", exc_info=error)
                error = EngineError("Something failed unexpectedly.", "The studio's log has the details.")
            self.events.publish("error", **error.to_dict())

    async def _follow_edits(self) -> None:
        """Makes every saved edit of session.toml count; a broken one is told, and the last good one goes on."""
        watcher = Watcher(self.store.folder, seen=self.revisions.current.text)
        async for change in watcher.changes():
            async with self.editing:
                before = self.revisions.current
                try:
                    if isinstance(change, Broken):
                        self.revisions.problem = change.error
                        raise change.error
                    self.follow(await asyncio.to_thread(self.revisions.follow, change.text), before)
                except EngineError as error:
                    self.events.publish("error", **error.to_dict())

    async def _learn_taste(self) -> None:
        """Learns what a person likes, a while after they have said something, and once at the start."""
        here, said = asyncio.get_running_loop(), asyncio.Event()
        said.set()

        def listen(_: object) -> None:  # called in whatever thread the change was made
            here.call_soon_threadsafe(said.set)

        unsubscribe = self.store.subscribe(listen)
        try:
            while True:
                await said.wait()
                await asyncio.sleep(TASTE_SECONDS)
                said.clear()
                with contextlib.suppress(EngineError, OSError):  # the next verdict tries again
                    await self.loop.learn_taste()
        finally:
            unsubscribe()

    async def _look_again(self) -> None:
        """Finds takes that were edited by hand while the session was closed; first comes what people wait for."""
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        with contextlib.suppress(EngineError, OSError):  # the next start looks again
            edited = await asyncio.to_thread(self.store.look_again)
            if edited:
                self.loop.reweigh()  # their scores are those that the files had
                self.events.publish("notice", text=edited_line(edited))


@asynccontextmanager
async def at_work(
    folder: Path, *, socket: Path | None = None, recipe: Mapping[str, Any] | None = None, equipment: Equipment
) -> AsyncIterator[AtWork]:
    """The session in ``folder``, its engine at work when it is wanted; all is closed at the end of the block.

    ``recipe`` changes the session's recipe first, as an edit would; ``socket`` is where it can be reached, if it can
    be. Raises SessionBusy, MissingSession, and BadSessionFile for a session that never had a readable session.toml.
    """
    async with contextlib.AsyncExitStack() as stack:
        keeper = await stack.enter_async_context(LockKeeper(folder, socket))
        store = stack.enter_context(await asyncio.to_thread(Store.open, folder))
        revisions = await asyncio.to_thread(_revisions, folder, store, recipe or {})
        engines, told = await asyncio.to_thread(_workers, equipment, revisions.current)
        eta = await asyncio.to_thread(Eta.open, state_folder())
        work = AtWork(keeper, store, revisions, equipment, eta, engines)
        if told:
            work.events.publish("notice", text=told)
        stack.callback(work.events.close)
        await stack.enter_async_context(work.loop)
        await stack.enter_async_context(work._working())
        yield work


def _workers(equipment: Equipment, revision: Revision) -> tuple[Sequence[Worker], str]:
    """The engines of a session, and what is to be told of them.

    Where those that the session or the variable names cannot be had, it opens all the same, with one; a flag that
    asks for what is not there is refused with an EngineError.
    """
    if equipment.workers:
        return workers(equipment.workers)
    try:
        return workers(asked_for(revision.settings.models.workers))
    except ValueError:
        return ALONE, f"{VARIABLE} names no engines: {WANTS}. There is one."
    except EngineError as error:
        return ALONE, f"{error.error} {error.hint} There is one engine, on this machine."


def _revisions(folder: Path, store: Store, recipe: Mapping[str, Any]) -> Revisions:
    revisions = Revisions.open(folder, store.highest_revision())
    if recipe:
        revisions.change({"recipe": recipe}, revisions.current.number)
    return revisions
