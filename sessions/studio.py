"""The studio: one session, one loop, many listeners. It owns the session while it is open, and outlives terminals.

Everything here belongs to one event loop; what reads or writes disks does so in threads. The HTTP of it is
``sessions.api``, the process around it ``sessions.daemon``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from engine.errors import EngineError
from engine.process import COMMAND
from engine.request import Request
from engine.tasks import check_rendered
from sessions.autogen import AutoGen
from sessions.batch import RENDER
from sessions.discovery import Place
from sessions.drafts import Drafts
from sessions.engine_room import EngineRoom
from sessions.errors import MissingSession
from sessions.eta import Eta
from sessions.events import EventLog
from sessions.lock_keeper import LockKeeper
from sessions.own_sources import check_recipe, check_settings
from sessions.places import state_folder
from sessions.recipe import Changes, edit, parse
from sessions.revisions import Revision, Revisions
from sessions.sources import Sources
from sessions.steering import Steering
from sessions.store import Change, Store
from sessions.supervisor import Supervisor
from sessions.take import Take
from sessions.watch import Broken, Watcher

_log = logging.getLogger(__name__)


class Studio:
    """One session at work, made by ``Studio.open``."""

    def __init__(
        self,
        place: Place,
        keeper: LockKeeper,
        store: Store,
        revisions: Revisions,
        loop: AutoGen,
        engine: Supervisor,
        events: EventLog,
    ) -> None:
        self.session = store.folder
        self.place = place
        self.store = store
        self.revisions = revisions
        self.loop = loop
        self.engine = engine
        self.events = events
        self.sources = Sources(store.folder)
        self.drafts = Drafts(store.folder)
        self.room = EngineRoom(engine, events, store.folder.name, _device(revisions.current), self._is_busy)
        self.steering = Steering(
            loop, store, events, place.folder, started=self.room.want, seen=lambda: self.attached > 0
        )
        self.life = secrets.token_hex(4)
        """Tells this run of the studio from others: the numbers of events begin anew with each."""

        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.attached = 0
        """Followers of the events, and requests that are being answered."""

        self.touched = asyncio.get_running_loop().time()
        """When the last of them went."""

        self.lost = keeper.lost
        """Set when the session is somebody else's: this studio has to end."""

        self._editing = asyncio.Lock()
        self._work: set[asyncio.Task[Any]] = set()
        """What people have asked for and is not there yet."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, session: Path, place: Place, *, command: Sequence[str] = COMMAND, log: BinaryIO | None = None
    ) -> AsyncIterator[Self]:
        """The studio of ``session``, closed at the end of the block; what was being written is then finished.

        A loop that was on when an earlier studio was killed goes on. Raises SessionBusy, MissingSession, and
        BadSessionFile for a session that never had a readable session.toml.
        """
        if not session.is_dir():
            raise MissingSession(f"There is no session in {session}.", "Check the name, or make one with 'acetui jam'.")
        async with contextlib.AsyncExitStack() as stack:
            keeper = await stack.enter_async_context(LockKeeper(session, place.socket))
            store = stack.enter_context(await asyncio.to_thread(Store.open, session))
            revisions = await asyncio.to_thread(Revisions.open, session, store.highest_revision())
            events = EventLog()
            stack.callback(events.close)
            models = revisions.current.settings.models.load_options(session)
            engine = Supervisor(models, events, command=command, log=log)
            eta = await asyncio.to_thread(Eta.open, state_folder())
            loop = await stack.enter_async_context(AutoGen(store, revisions.current, engine, events, eta=eta))
            studio = cls(place, keeper, store, revisions, loop, engine, events)
            await stack.enter_async_context(studio._at_work())
            yield studio

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        here = asyncio.get_running_loop()

        def listen(change: Change) -> None:  # called in whatever thread the change was made
            here.call_soon_threadsafe(self._tell, change)

        unsubscribe = self.store.subscribe(listen)
        for line in self.store.report.lines():
            self.events.publish("notice", text=line)
        self.room.want()
        await self.steering.go_on(self.revisions.current.settings.loop)
        tasks = [asyncio.create_task(work) for work in (self.room.run(), self._follow_edits())]
        try:
            yield
        finally:
            tasks += self._work
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.steering.close()
            unsubscribe()

    # --- what people do ----------------------------------------------------------------------------------------------

    async def change_recipe(self, changes: Changes, based_on: int) -> Revision:
        """Changes values of the revision ``based_on``. Raises Clash, ForeignPath, and what ``edit`` raises."""
        base = await asyncio.to_thread(self.revisions.get, based_on)
        return await self.apply(edit(base.text, changes), based_on)

    async def apply(self, text: str, based_on: int, *, instead_of: str | None = None) -> Revision:
        """Makes ``text`` the session.toml, see ``Revisions.apply``. Raises ForeignPath for paths that are new in it."""
        async with self._editing:
            await asyncio.to_thread(check_settings, parse(text), self.revisions.current.settings, self.sources)
            before = self.revisions.current
            revision = await asyncio.to_thread(self.revisions.apply, text, based_on, instead_of=instead_of)
            self._follow(revision, before)
        return revision

    async def ask(self, changes: Mapping[str, Any]) -> asyncio.Task[list[Take]]:
        """Renders the current recipe with other values, before the loop goes on. Raises InvalidRequest, ForeignPath."""
        current = self.revisions.current
        recipe = current.settings.recipe.replace(**changes)
        await asyncio.to_thread(check_recipe, recipe, current.settings.recipe, self.sources)
        return self.make(recipe.draw(random.Random()), revision=current.number)

    def make(
        self, request: Request, *, parent: str | None = None, operation: str = RENDER, revision: int | None = None
    ) -> asyncio.Task[list[Take]]:
        """Renders ``request`` before the loop goes on; the task has the takes. Raises InvalidRequest at once."""
        check_rendered(request)
        self.engine.retry()
        answer = self.loop.ask(request, parent=parent, operation=operation, revision=revision)
        return self.begin(_outcome(answer))

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Does something that needs the engine, and goes on with it when whoever asked is gone."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)
        self.room.want()
        return task

    @property
    def idle(self) -> bool:
        """Whether nobody is attached, and there is nothing to do."""
        return not (self.attached or self._work or self.steering.busy)

    # --- what happens to the session ---------------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        """Whether there is work for an engine right now."""
        return bool(self._work) or self.loop.state in ("loading", "rendering", "stopping")

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, EngineError):
                _log.error("something that was asked for failed", exc_info=error)
                error = EngineError("Something failed unexpectedly.", "The studio's log has the details.")
            self.events.publish("error", **error.to_dict())

    def _tell(self, change: Change) -> None:
        """A take was changed, by anybody; that it was made, the loop tells."""
        if change.kind != "committed":
            self.events.publish("changed", kind=change.kind, take=change.take.object())

    def _follow(self, revision: Revision, before: Revision) -> None:
        """Makes a revision count from the next batch on."""
        if revision.number == before.number:
            return
        self.loop.follow(revision, models=revision.settings.models.load_options(self.session))
        self.room.move(_device(revision))
        self.events.publish("recipe", revision=revision.number, changed=revision.changed)

    async def _follow_edits(self) -> None:
        """Makes every saved edit of session.toml count; a broken one is told, and the last good one goes on."""
        watcher = Watcher(self.session, seen=self.revisions.current.text)
        async for change in watcher.changes():
            async with self._editing:
                before = self.revisions.current
                try:
                    if isinstance(change, Broken):
                        self.revisions.problem = change.error
                        raise change.error
                    self._follow(await asyncio.to_thread(self.revisions.follow, change.text), before)
                except EngineError as error:
                    self.events.publish("error", **error.to_dict())


async def _outcome(answer: asyncio.Future[list[Take]]) -> list[Take]:
    return await answer


def _device(revision: Revision) -> str:
    return revision.settings.models.device
