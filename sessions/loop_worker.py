"""The worker of the loop: looks where things stand, puts on its way what may be, and counts what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from types import TracebackType
from typing import Self

from engine.errors import EngineError
from sessions import budget
from sessions.batch import Batch, Flight
from sessions.budget import Standing
from sessions.crew import DEPTH
from sessions.housekeeping import keep_the_best, survey
from sessions.loop_books import LoopBooks
from sessions.report import Run

STOP_SECONDS = 20.0
"""How long an engine may take to stop at its next step before it is ended."""

_log = logging.getLogger(__name__)


class LoopWorker(LoopBooks):
    """The half of ``AutoGen`` that works by itself, for ``async with``. It belongs to one event loop."""

    async def __aenter__(self) -> Self:
        self._engines.changed = self._nudge
        await asyncio.to_thread(self._boundary.remember, self._store)
        await self._scoring.begin()
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._worker:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._renderer.close()
        await self._scoring.close()
        await asyncio.to_thread(self._eta.save)

    def reweigh(self) -> None:
        """Has every take weighed anew: their files were edited by hand."""
        self._scoring.reweigh()

    async def learn_taste(self) -> None:
        """Learns what a person likes, if enough was said."""
        await self._scoring.learn_taste()

    def stop(self, how: str = "take", reason: str = "it was asked to stop") -> None:
        """Ends the run: after this ``take``, after this ``batch``, or ``now``, dropping what is half made."""
        if self.run is None:
            return
        self._at.ending = self._at.ending or reason
        self._returned.clear()
        flights = self._flights()
        for flight in flights:
            if how == "now" or not flight.begun:
                self._renderer.stop(flight, "stop")
            elif how == "take" and not flight.computed:
                self._renderer.stop_after(flight, "stop")
        if how == "now":
            self._at.at_once = True
            self._renderer.give_up()
            asyncio.get_running_loop().call_later(STOP_SECONDS, self._insist, flights)
        self._nudge()

    # --- the worker --------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            self._nudged.clear()
            try:
                await self._decide()
            except EngineError as error:  # the folder is gone, or the like: it may come back
                self._at.show("paused", error.error, self._revision.number)
            except Exception:
                _log.exception("the loop failed to decide")
                self._at.show("paused", "something failed unexpectedly; the log has it", self._revision.number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll if self.run else None):
                    await self._nudged.wait()

    async def _decide(self) -> None:
        """Looks where things stand, and puts on its way what may be."""
        now = Standing()
        if (run := self.run) is not None:
            before = len(run.made)
            seen = await asyncio.to_thread(survey, self._store, self.loop.quota_gb, self._playing())
            now = self._current(replace(seen, made=before), run)
            if not self._at.ending and (reached := budget.finished(self.loop, now)):
                self.stop("take", reached)
            if self._engines.failure is not None and not self._at.parked:  # also where no batch was there to hear it
                self._failed(self._engines.failure, 0)
            self._at.hold = budget.waiting(self.loop, now)
            if self._at.ending and not self._flights() and (self._at.at_once or not self._scoring.waiting):
                await self._finish(run)
                return
        self._at.standing = now
        self._look()
        while len(self._renderer.flights) < DEPTH * self._engines.width and (batch := await self._next(now)):
            self._renderer.send(batch)
            now = self._current(now, run)
        self._look()

    def _current(self, seen: Standing, run: Run | None) -> Standing:
        """``seen`` with what has happened since: a take that was planned then may have been made meanwhile."""
        if run is None:
            return seen
        made, seconds = len(run.made), self._now() - run.began
        unheard = seen.unheard + made - seen.made
        return replace(seen, made=made, unheard=unheard, planned=self._planned(), seconds=seconds, best=run.best)

    async def _next(self, now: Standing) -> Batch | None:
        """The next batch; None where nothing may be made right now."""
        room = budget.room(self.loop, now)
        if not self._asks and not self._returned and self._free and room:
            revision, run = self._revision, self.run
            at_once = int(self._forecast.defaults()["batch_size"])
            batch = await asyncio.to_thread(self._planner.plan, revision, self.loop, room, at_once)
            if run and self._free and revision is self._revision:  # things may have changed meanwhile
                self._returned.append(run.numbered(batch))
        if self._asks:
            return self._ladders.fitted(self._asks, self._forecast.defaults(), self._hopeful())
        if self._returned and self._free and room:
            return self._ladders.fitted(self._returned, self._forecast.defaults(), self._hopeful(), room)
        return None

    @property
    def _free(self) -> bool:
        """Whether the loop may put something on its way."""
        at = self._at
        off = at.run is None or at.ending or at.parked or at.hold or self._engines.failure
        return not (off or self._renderer.trouble or self._scoring.behind)

    async def _finish(self, run: Run) -> None:
        """Ends the run: the keep rule, and the books."""
        run.ended, run.reason = self._now(), self._at.ending
        run.deaths, run.recycled = self._engines.deaths - run.deaths, self._engines.recycled - run.recycled
        if (keep := self.loop.keep) is not None:
            run.trashed = await asyncio.to_thread(keep_the_best, self._store, run.made, keep, self._playing())
        await asyncio.to_thread(self._eta.save)
        self._at.end()
        self._look()
        self._off.set()

    # --- small things ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Says in which state things are, if that has changed."""
        self._at.look(
            trouble=self._renderer.trouble,
            working=bool(self._flights()),
            ready=self._engines.ready,
            revision=self._revision.number,
        )
        self._at.tell(self.loop, self._now())

    def _insist(self, flights: list[Flight]) -> None:
        """Ends engines that do not stop."""
        for engine in {flight.engine for flight in flights if flight in self._renderer.flights}:
            (engine or self._engines).kill()
