"""The studio: one session, one loop, many listeners. It owns the session while it is open, and outlives terminals.

Everything here belongs to one event loop; what reads or writes disks does so in threads. The HTTP of it is
``sessions.api``, the process around it ``sessions.daemon``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from engine.errors import EngineError
from engine.process import COMMAND
from engine.request import Request
from engine.tasks import check_rendered, check_task
from sessions.at_work import AtWork, Equipment, at_work
from sessions.batch import RENDER
from sessions.discovery import Place
from sessions.drafts import Drafts
from sessions.errors import MissingSession
from sessions.fetching import Fetching
from sessions.following import Following
from sessions.machine import Machine
from sessions.own_sources import check_recipe, check_settings
from sessions.recipe import Changes, edit, parse
from sessions.revisions import Revision
from sessions.side_process import SideProcess, program
from sessions.sources import Sources
from sessions.steering import Steering
from sessions.store import Change
from sessions.take import Take
from sessions.take_names import operation_of, source_of

_jobs = itertools.count(1)

LOOK_SECONDS = 2.0
"""How often machine and engine are looked at while somebody is attached."""

EXPORT_SECONDS = 300.0
"""How long it may take to write a take as another file: ten minutes of MP3 on a busy machine."""

COUNT_SECONDS = 0.3
"""How long after a change of a take they are counted: changes come in crowds."""


class Studio:
    """One session at work, made by ``Studio.open``."""

    def __init__(self, place: Place, work: AtWork) -> None:
        self.session = work.store.folder
        self.place = place
        self.store = work.store
        self.revisions = work.revisions
        self.loop = work.loop
        self.engine = work.engine
        self.events = work.events
        self.room = work.room
        self.playing = work.playing
        self.following = Following(work.events)
        self.begin = work.begin
        self.sources = Sources(self.session)
        self.drafts = Drafts(self.session)
        self.steering = Steering(
            self.loop, self.store, self.events, place.folder, started=self.room.want, seen=lambda: self.attached > 0
        )
        self.machine = Machine(self.engine, device=lambda: self.revisions.current.settings.models.device)
        self.tokens, self.outlines = SideProcess(program("engine.token_counts")), SideProcess(program("engine.peaks"))
        self.spectra = SideProcess(program("engine.spectrogram"))
        self.fetching = Fetching(work.events)
        self.exporter = SideProcess(program("engine.exporting"), EXPORT_SECONDS)
        self.life = secrets.token_hex(4)
        """Tells this run of the studio from others: the numbers of events begin anew with each."""

        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.attached = 0
        """Followers of the events, and requests that are being answered."""

        self.touched = asyncio.get_running_loop().time()
        """When the last of them went."""

        self.lost = work.lost
        """Set when the session is somebody else's: this studio has to end."""

        self._work = work
        self._shown: dict[str, Mapping[str, Any]] = {}
        self._changed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        session: Path,
        place: Place,
        *,
        command: Sequence[str] = COMMAND,
        log: BinaryIO | None = None,
        workers: str = "",
    ) -> AsyncIterator[Self]:
        """The studio of ``session``, closed at the end of the block; what was being written is then finished.

        A loop that was on when an earlier studio was killed goes on. Raises as ``at_work`` does.
        """
        if not session.is_dir():
            raise MissingSession(f"There is no session in {session}.", "Check the name, or make one with 'acetui jam'.")
        equipment = Equipment(command=command, log=log, workers=workers)
        async with at_work(session, socket=place.socket, equipment=equipment) as work:
            studio = cls(place, work)
            async with studio._steered():
                yield studio

    @asynccontextmanager
    async def _steered(self) -> AsyncIterator[None]:
        here = asyncio.get_running_loop()

        def listen(change: Change) -> None:  # called in whatever thread the change was made
            here.call_soon_threadsafe(self._tell, change)

        unsubscribe = self.store.subscribe(listen)
        self.room.want()
        await self.steering.go_on(self.revisions.current.settings.loop)
        nudge = self.engine.changed

        def changed() -> None:
            nudge()
            self._show("engine", self.engine_status())

        self.engine.changed = changed
        telling = [asyncio.create_task(work) for work in (self._look_around(), self._count_changes())]
        try:
            yield
        finally:
            self.engine.changed = nudge
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)
            self.machine.close()
            await self.tokens.close()
            await self.outlines.close()
            await self.spectra.close()
            await self.exporter.close()
            await self.fetching.close()
            await self.steering.close()
            unsubscribe()

    # --- what people do ----------------------------------------------------------------------------------------------

    async def change_recipe(self, changes: Changes, based_on: int) -> Revision:
        """Changes values of the revision ``based_on``. Raises Clash, ForeignPath, and what ``edit`` raises."""
        base = await asyncio.to_thread(self.revisions.get, based_on)
        return await self.apply(edit(base.text, changes), based_on)

    async def apply(self, text: str, based_on: int, *, instead_of: str | None = None) -> Revision:
        """Makes ``text`` the session.toml, see ``Revisions.apply``. Raises ForeignPath for paths that are new in it."""
        async with self._work.editing:
            before = self.revisions.current
            await asyncio.to_thread(check_settings, parse(text), before.settings, self.sources, self.store)
            revision = await asyncio.to_thread(self.revisions.apply, text, based_on, instead_of=instead_of)
            self._work.follow(revision, before)
        return revision

    async def ask(self, changes: Mapping[str, Any]) -> asyncio.Task[list[Take]]:
        """Renders the current recipe with other values, before the loop goes on. Raises InvalidRequest, ForeignPath."""
        current = self.revisions.current
        recipe = current.settings.recipe.replace(**changes)
        await asyncio.to_thread(check_recipe, recipe, current.settings.recipe, self.sources, self.store)
        request = recipe.draw(random.Random())
        fields = request.to_dict()
        source = source_of(fields)
        parent = None if source is None else await asyncio.to_thread(self.store.get, source)
        return self.make(request, parent=parent, operation=operation_of(fields), revision=current.number)

    def make(
        self, request: Request, *, parent: Take | None = None, operation: str = RENDER, revision: int | None = None
    ) -> asyncio.Task[list[Take]]:
        """Renders ``request`` before the loop goes on; the task has the takes. Raises InvalidRequest at once."""
        check_rendered(request)
        check_task(request)
        self.engine.retry()
        answer = self.loop.ask(request, parent=parent, operation=operation, revision=revision)
        return self.begin(_outcome(answer))

    def write(
        self, job: str, request: Request, query: str = "", source: str | None = None
    ) -> asyncio.Task[dict[str, Any]]:
        """One of the planner's jobs, behind the batches that are under way; the task has the plan."""
        self.engine.retry()
        return self.begin(self.engine.write(f"write-{next(_jobs)}", job, request.to_dict(), query, source))

    def engine_status(self) -> dict[str, Any]:
        """The engine as the API tells of it."""
        engine, waiting = self.engine, self.room.waiting_for
        loaded = engine.loaded
        return {
            "ready": engine.ready,
            "restarting": engine.restarting,
            "pid": engine.pid,
            "failure": engine.failure and engine.failure.to_dict(),
            "waiting_for": waiting and str(waiting),
            "profile": loaded and loaded.profile,
            "identity": loaded and loaded.identity,
            "planner": loaded and loaded.planner,
            "engines": self.room.described(self.loop.at_work),
        }

    async def counts(self) -> dict[str, Any]:
        """How many takes there are of each kind, as the API tells of it."""
        counts = await asyncio.to_thread(self.store.counts)
        return {
            "total": counts.takes,
            "trashed": counts.trashed,
            "unheard": counts.unheard,
            "faulty": counts.faulty,
            "verdicts": counts.verdicts,
        }

    @property
    def idle(self) -> bool:
        """Whether nobody is attached, and there is nothing to do."""
        return not (self.attached or self._work.errands or self.steering.busy or self.fetching.busy)

    # --- what happens to the session ---------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        """Tells whoever is attached of what says nothing by itself; while nobody is, nobody looks."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.attached:
                self._show("engine", self.engine_status())
                self._show("machine", await self.machine.now())

    def _show(self, kind: str, found: Mapping[str, Any]) -> None:
        """Publishes how something is, if that is new."""
        if self._shown.get(kind) != found:
            self._shown[kind] = found
            self.events.publish(kind, **found)

    def _tell(self, change: Change) -> None:
        """A take was changed, by anybody; that it was made, the loop tells."""
        if change.kind != "committed":
            self.events.publish("changed", kind=change.kind, take=change.take.object())
        self._changed.set()

    async def _count_changes(self) -> None:
        """Tells how many takes there are after they have changed; after many changes, once."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(COUNT_SECONDS)
            self._changed.clear()
            if self.attached:
                with contextlib.suppress(EngineError, OSError):  # the next change counts again
                    self._show("counts", await self.counts())


async def _outcome(answer: asyncio.Future[list[Take]]) -> list[Take]:
    return await answer
