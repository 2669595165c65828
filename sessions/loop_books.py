"""The books of the loop: what it was told, how it stands, what came back of what was sent, and what failed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine.errors import EngineError
from engine.outfit import smaller_planners
from sessions.batch import Batch, Flight
from sessions.boundary import Boundary
from sessions.copies import is_empty
from sessions.crew import Crew
from sessions.eta import Eta
from sessions.events import EventLog
from sessions.forecast import Forecast
from sessions.ladder import UNKNOWN, Aboard, Ladders, memory_of
from sessions.landing import landing
from sessions.loop_state import LoopState
from sessions.planner import Planner
from sessions.renderer import Renderer
from sessions.report import Run
from sessions.revisions import Revision
from sessions.scoring import Scorer, Scoring
from sessions.settings import LoopSettings
from sessions.store import Store
from sessions.supervisor import Supervisor
from sessions.take import Take

POLL_SECONDS = 1.0
"""How often time and disk are looked at while nothing happens."""


class LoopBooks:
    """What ``LoopWorker`` decides by."""

    def __init__(
        self,
        store: Store,
        revision: Revision,
        engines: Crew,
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
        self._engines = engines
        self._events = events
        self._poll = poll
        self._eta = eta or Eta()
        self._forecast = Forecast(self._eta, engines)
        self._boundary = Boundary(events, revision)
        self._ladders = Ladders()
        self._scoring = Scoring(store, events, scorers, self._scored, weights=lambda: self._revision.settings.scores)
        self._planner = Planner(store, self._scoring.taste)
        self._renderer = Renderer(
            engines,
            store,
            events,
            judged=self._scoring.judged,
            committed=self._committed,
            landed=self._landed,
            moved=self._nudge,
            boards=lambda flight, engine: self._ladders.check(engine, len(flight.batch.seeds)),
            estimate=lambda flight: self._forecast.of(flight, self.loop, self.run),
        )
        self._overrides: Mapping[str, Any] = {}
        self._at = LoopState(events)
        self._asks: deque[Batch] = deque()
        self._returned: deque[Batch] = deque()
        self._nudged = asyncio.Event()
        self._off = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

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

    def at_work(self, engine: Supervisor) -> dict[str, Any] | None:
        """What one engine makes, see ``Renderer.at_work``."""
        return self._renderer.at_work(engine)

    @property
    def loop(self) -> LoopSettings:
        """The settings of the loop: the revision's, and those of this run alone before them."""
        return replace(self._revision.settings.loop, **self._overrides)

    # --- what comes back ---------------------------------------------------------------------------------------------

    def _committed(self, flight: Flight, take: Take) -> None:
        """A take is safe."""
        if flight.batch.ask is None:
            self._boundary.crossed(take, self._revision, self.state)
            self._at.failures = 0
            if self.run is not None:
                self.run.made.append(take.number)
            if self._at.found(take.faults, empty=is_empty(take), limits=self.loop):
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
            run.busy += flight.busy_seconds / len(self._engines.engines)
            run.pace.note(self._revision.number, len(flight.made), flight.busy_seconds / self._engines.width)
        engine = flight.engine or self._engines.engines[0]
        ladder = self._ladders.of(engine)
        before = dict(ladder.models)
        end = landing(flight, ladder, self._forecast.defaults(), self._aboard(flight))
        if ladder.models != before:
            self._engines.lighten(self._ladders.models(self._engines.engines))
        if end.notice:
            own = engine.name if memory_of(engine) == engine.name else ""
            self._notice(f"{own}: {end.notice}" if own else end.notice)
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
        """What its engine had loaded for a flight, and what could stand in its planner's place."""
        loaded = (flight.engine or self._engines).loaded
        if loaded is None or flight.error is None:
            return UNKNOWN
        smaller = partial(smaller_planners, self._engines.models.get("models"))
        return Aboard.of(loaded, flight.batch.request, smaller)

    def _failed(self, error: EngineError, takes: int) -> None:
        """A failure of the loop's; too many in a row, or one that no retry can mend, park the recipe."""
        fatal = self._engines.failure is not None
        if self._at.failed(error, takes, most=self.loop.failures_before_parking, fatal=fatal):
            self._give_up_what_waits()

    def _give_up_what_waits(self) -> None:
        """Nothing more is made of a recipe that is parked."""
        self._returned.clear()
        for flight in self._flights():
            self._renderer.stop(flight, "outdated")

    # --- small things ------------------------------------------------------------------------------------------------

    def _flights(self) -> list[Flight]:
        """The loop's own flights."""
        return [flight for flight in self._renderer.flights if flight.batch.ask is None]

    def _planned(self) -> int:
        """Takes of the loop that are on their way."""
        return sum(len(flight.batch.seeds) - len(flight.made) for flight in self._flights())

    def _hopeful(self) -> Sequence[Supervisor]:
        """The engines that batches may come to: all that are not given up, and all where every one is."""
        return [each for each in self._engines.engines if each.failure is None] or self._engines.engines

    def _notice(self, text: str) -> None:
        self._events.publish("notice", text=text)

    def _nudge(self) -> None:
        self._nudged.set()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
