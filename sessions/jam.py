"""A session at work: its lock, its takes, its revisions, its engine and its loop, opened and closed together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from engine.errors import EngineError
from engine.process import COMMAND
from sessions.autogen import AutoGen
from sessions.engine_life import Patience
from sessions.eta import Eta
from sessions.events import EventLog
from sessions.lock import BEAT_SECONDS, LockLost, SessionLock
from sessions.memory_watch import MemoryWatch
from sessions.places import state_folder
from sessions.report import MorningReport
from sessions.revisions import Revision, Revisions
from sessions.scoring import Scorer
from sessions.store import Store
from sessions.supervisor import Models, Supervisor
from sessions.watch import Broken, Watcher
from sessions.watchdog import Watchdog


class Jam:
    """One session in this process, made by ``Jam.open``."""

    def __init__(
        self,
        store: Store,
        revisions: Revisions,
        supervisor: Supervisor,
        autogen: AutoGen,
        events: EventLog,
        lock: SessionLock,
        models: Models,
    ) -> None:
        self.store = store
        self.revisions = revisions
        self.supervisor = supervisor
        self.autogen = autogen
        self.events = events
        self._lock = lock
        self._models = models

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        *,
        recipe: Mapping[str, Any] | None = None,
        models: Models | None = None,
        command: Sequence[str] = COMMAND,
        log: BinaryIO | None = None,
        scorers: Sequence[Scorer] = (),
        patience: Patience | None = None,
        watchdog: Watchdog | None = None,
        memory: MemoryWatch | None = None,
    ) -> AsyncIterator[Self]:
        """The session in ``folder``, with nothing running but the engine's start; closed at the end of the block.

        ``recipe`` changes the session's recipe first, as an edit would; ``models`` go before the session's own for as
        long as it is open. Raises SessionBusy, MissingSession, and BadSessionFile for a session that never had a
        readable session.toml.
        """
        async with contextlib.AsyncExitStack() as stack:
            lock = stack.enter_context(await asyncio.to_thread(SessionLock.acquire, folder))
            store = stack.enter_context(await asyncio.to_thread(Store.open, folder))
            revisions = await asyncio.to_thread(_revisions, folder, store, recipe or {})
            events = EventLog()
            stack.callback(events.close)
            supervisor = Supervisor(
                _models(folder, revisions.current, models or {}),
                events,
                command=command,
                log=log,
                patience=patience,
                watchdog=watchdog,
                memory=memory,
            )
            eta = await asyncio.to_thread(Eta.open, state_folder())
            tick = (patience or Patience()).tick
            autogen = AutoGen(store, revisions.current, supervisor, events, eta=eta, scorers=scorers, poll=tick)
            await stack.enter_async_context(supervisor)
            await stack.enter_async_context(autogen)
            jam = cls(store, revisions, supervisor, autogen, events, lock, models or {})
            for line in store.report.lines():
                events.publish("notice", text=line)
            tasks = [asyncio.create_task(jam._follow_edits()), asyncio.create_task(jam._beat())]
            try:
                yield jam
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def run(self, **overrides: Any) -> MorningReport:
        """Has the loop on until its end, and returns the report, which is saved in the session too."""
        self.autogen.turn_on(**overrides)
        run = await self.autogen.off()
        assert run is not None
        report = await asyncio.to_thread(MorningReport.of, run, self.store, asyncio.get_running_loop().time())
        path = await asyncio.to_thread(report.save, self.store.folder)
        self.events.publish("done", summary={**report.to_dict(), "report": str(path) if path else None})
        return report

    async def _follow_edits(self) -> None:
        """Makes every saved edit of session.toml count; a broken one is told, and the last good one goes on."""
        watcher = Watcher(self.store.folder, seen=self.revisions.current.text)
        async for change in watcher.changes():
            try:
                if isinstance(change, Broken):
                    raise change.error
                revision = await asyncio.to_thread(self.revisions.follow, change.text)
            except EngineError as error:
                self.events.publish("error", **error.to_dict())
                continue
            self.autogen.follow(revision, models=_models(self.store.folder, revision, self._models))

    async def _beat(self) -> None:
        """Shows that the session is in use; without its lock it must not be written to."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await asyncio.to_thread(self._lock.beat)
            except LockLost as lost:
                self.events.publish("error", **lost.to_dict())
                self.autogen.stop("now", "the session's lock was lost")
                return
            except OSError:
                continue  # a disk that is full or away for a moment


def _revisions(folder: Path, store: Store, recipe: Mapping[str, Any]) -> Revisions:
    revisions = Revisions.open(folder, store.highest_revision())
    if recipe:
        revisions.change({"recipe": recipe}, revisions.current.number)
    return revisions


def _models(folder: Path, revision: Revision, own: Models) -> dict[str, Any]:
    """What the engine is told to load."""
    given = {name: value for name, value in own.items() if value is not None}
    return {**revision.settings.models.load_options(folder), **given}
