"""The worker of the loop: looks where things stand, puts on its way what may be, and counts what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from engine.errors import EngineError
from engine.outfit import smaller_planners
from sessions import budget
from sessions.batch import Batch, Flight
from sessions.boundary import Boundary
from sessions.budget import Standing
from sessions.copies import is_empty
from sessions.eta import Eta
from sessions.events import EventLog
from sessions.forecast import Forecast
from sessions.housekeeping import keep_the_best, survey
from sessions.ladder import UNKNOWN, Aboard, Ladder
from sessions.landing import landing
from sessions.loop_state import LoopState
from sessions.planner import Planner
from sessions.renderer import DEPTH, Renderer
from sessions.report import Run
from sessions.revisions import Revision
from sessions.scoring import Scorer, Scoring
from sessions.settings import LoopSettings
from sessions.store import Store
from sessions.supervisor import Supervisor
from sessions.take import Take

POLL_SECONDS = 1.0
"""How often time and disk are looked at while nothing happens."""

STOP_SECONDS = 20.0
"""How long an engine may take to stop at its next step before it is ended."""

_log = logging.getLogger(__name__)


class LoopWorker:
    """The half of ``AutoGen`` that works by itself, for ``async with``. It belongs to one event loop."""

    def __init__(
        self,
        store: Store,
        revision: Revision,
        supervisor: Supervisor,
        events: EventLog,
        *,
        eta: Eta | None = None,
        scorers: Sequence[Scorer] = (),
        poll: float = POLL_SECONDS,
        playing: Callable[[], Collection[int]] = tuple,
    ) -> None:
        self._store = store
        self._playing = playing
        self._revision = revision
        self._supervisor = supervisor
        self._events = events
        self._poll = poll
        self._eta = eta or Eta()
        self._forecast = Forecast(self._eta, supervisor)
        self._boundary = Boundary(events, revision)
        self._ladder = Ladder()
        self._scoring = Scoring(store, events, scorers, self._scored, weights=lambda: self._revision.settings.scores)
        self._planner = Planner(store, self._scoring.taste)
        self._renderer = Renderer(
            supervisor,
            store,
            events,
            judged=self._scoring.judged,
            committed=self._committed,
            landed=self._landed,
            moved=self._nudge,
            estimate=lambda flight: self._forecast.of(flight, self.loop, self.run),
        )
        self._overrides: Mapping[str, Any] = {}
        self._at = LoopState(events)
        self._asks: deque[Batch] = deque()
        self._returned: deque[Batch] = deque()
        self._nudged = asyncio.Event()
        self._off = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._supervisor.changed = self._nudge
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

    @property
    def run(self) -> Run | None:
        """The run that is under way."""
        return self._at.run

    @property
    def last_run(self) -> Run | None:
        """The run that ended last."""
        return self._at.last_run

    @property
    def state(self) -> str:
        """idle, loading, rendering, paused, parked, stopping or stopped."""
        return self._at.state

    @property
    def reason(self) -> str:
        """Why it is so; empty where that needs no words."""
        return self._at.reason

    def status(self) -> dict[str, Any]:
        """The loop as the API tells of it."""
        return self._at.object(self.loop, self._now())

    def progress(self) -> dict[str, Any] | None:
        """What is being made right now, as the last event told of it; None where nothing is."""
        return self._renderer.progress()

    @property
    def loop(self) -> LoopSettings:
        """The settings of the loop: the revision's, and those of this run alone before them."""
        return replace(self._revision.settings.loop, **self._overrides)

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
            if self._supervisor.failure is not None and not self._at.parked:  # also where no batch was there to hear it
                self._failed(self._supervisor.failure, 0)
            self._at.hold = budget.waiting(self.loop, now)
            if self._at.ending and not self._flights() and (self._at.at_once or not self._scoring.waiting):
                await self._finish(run)
                return
        self._at.standing = now
        self._look()
        while len(self._renderer.flights) < DEPTH and (batch := await self._next(now)) is not None:
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
            return self._ladder.fitted(self._asks, self._forecast.defaults())
        if self._returned and self._free and room:
            return self._ladder.fitted(self._returned, self._forecast.defaults(), room)
        return None

    @property
    def _free(self) -> bool:
        """Whether the loop may put something on its way."""
        at = self._at
        off = at.run is None or at.ending or at.parked or at.hold or self._supervisor.failure
        return not (off or self._renderer.trouble or self._scoring.behind)

    async def _finish(self, run: Run) -> None:
        """Ends the run: the keep rule, and the books."""
        run.ended, run.reason = self._now(), self._at.ending
        run.deaths, run.recycled = self._supervisor.deaths - run.deaths, self._supervisor.recycled - run.recycled
        if (keep := self.loop.keep) is not None:
            run.trashed = await asyncio.to_thread(keep_the_best, self._store, run.made, keep, self._playing())
        await asyncio.to_thread(self._eta.save)
        self._at.end()
        self._look()
        self._off.set()

    # --- what comes back ---------------------------------------------------------------------------------------------

    def _committed(self, flight: Flight, take: Take) -> None:
        """A take is safe."""
        if flight.batch.ask is None:
            self._boundary.crossed(take, self._revision, self.state)
            self._at.failures = 0
            if self.run is not None:
                self.run.made.append(take.number)
            if self._at.found(take.faults, empty=is_empty(take), most=self.loop.failures_before_parking):
                self._give_up_what_waits()
        self._eta.learn(take.object())
        self._events.publish("take", take=take.object())
        self._scored(take)
        self._scoring.put(take)

    def _scored(self, take: Take) -> None:
        """A take was judged."""
        run = self.run
        if run is not None and take.score is not None and not take.faults and take.number in run.made:
            run.best = take.score if run.best is None else max(run.best, take.score)
        self._nudge()

    def _landed(self, flight: Flight) -> None:
        """A flight is over: what of it is to be made again goes back in line, and failures are counted."""
        ask, run = flight.batch.ask, self.run
        if run is not None and ask is None:
            run.busy += flight.busy_seconds
            run.pace.note(self._revision.number, len(flight.made), flight.busy_seconds)
        before = dict(self._ladder.models)
        end = landing(flight, self._ladder, self._forecast.defaults(), self._aboard(flight))
        if self._ladder.models != before:
            self._supervisor.use({**self._supervisor.models, **self._ladder.models})
        if end.notice:
            self._notice(end.notice)
        if end.failure is not None and ask is None:
            self._failed(end.failure, end.lost)
        elif end.again is not None and ask is not None:
            self._asks.appendleft(end.again)
        elif end.again is not None and not self._at.ending:
            self._returned.append(end.again)
        elif ask is not None:
            ask.settle(flight.error)
        self._nudge()

    def _aboard(self, flight: Flight) -> Aboard:
        """What the engine had loaded for a flight, and what could stand in its planner's place."""
        loaded = self._supervisor.loaded
        if loaded is None or flight.error is None:
            return UNKNOWN
        smaller = partial(smaller_planners, self._supervisor.models.get("models"))
        return Aboard.of(loaded, flight.batch.request, smaller)

    def _failed(self, error: EngineError, takes: int) -> None:
        """A failure of the loop's; too many in a row, or one that no retry can mend, park the recipe."""
        fatal = self._supervisor.failure is not None
        if self._at.failed(error, takes, most=self.loop.failures_before_parking, fatal=fatal):
            self._give_up_what_waits()

    def _give_up_what_waits(self) -> None:
        """Nothing more is made of a recipe that is parked."""
        self._returned.clear()
        for flight in self._flights():
            self._renderer.stop(flight, "outdated")

    # --- small things ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Says in which state things are, if that has changed."""
        self._at.look(
            trouble=self._renderer.trouble,
            working=bool(self._flights()),
            ready=self._supervisor.ready,
            revision=self._revision.number,
        )
        self._at.tell(self.loop, self._now())

    def _flights(self) -> list[Flight]:
        """The loop's own flights."""
        return [flight for flight in self._renderer.flights if flight.batch.ask is None]

    def _planned(self) -> int:
        """Takes of the loop that are on their way."""
        return sum(len(flight.batch.seeds) - len(flight.made) for flight in self._flights())

    def _notice(self, text: str) -> None:
        self._events.publish("notice", text=text)

    def _nudge(self) -> None:
        self._nudged.set()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _insist(self, flights: list[Flight]) -> None:
        """Ends an engine that does not stop."""
        if any(flight in self._renderer.flights for flight in flights):
            self._supervisor.kill()
