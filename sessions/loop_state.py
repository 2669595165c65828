"""Where the loop stands: on or off, ending, parked or waiting; and the one event that says so when it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import EngineError
from sessions.budget import Standing
from sessions.clock import moment
from sessions.events import EventLog
from sessions.report import Run
from sessions.settings import LoopSettings


@dataclass
class LoopState:
    """``state`` is idle, loading, rendering, paused, parked, stopping or stopped; ``reason`` says why.

    Each of ``ending``, ``parked`` and ``hold`` is a reason, empty while there is none.
    """

    events: EventLog
    state: str = "idle"
    reason: str = ""
    run: Run | None = None
    last_run: Run | None = None
    ending: str = ""
    at_once: bool = False
    """It ends without waiting for scores."""

    parked: str = ""
    hold: str = ""
    failures: int = 0
    faulty: int = 0
    """Takes in a row that did not pass the gate."""

    empty: int = 0
    """Those of them, in a row, with nothing in them to hear, or nothing new."""

    last_error: EngineError | None = None
    since: str = field(default_factory=moment)
    """When it came to be in its state."""

    standing: Standing = field(default_factory=Standing)
    """What was seen of the session last."""

    told: Mapping[str, Any] | None = None
    """The figures that were published last."""

    def begin(self, run: Run) -> None:
        """The loop is on."""
        self.run = run
        self.ending, self.at_once = "", False
        self.unpark()

    def unpark(self) -> None:
        """The recipe, or the engine, has another chance."""
        self.parked, self.failures, self.faulty, self.empty, self.last_error = "", 0, 0, 0, None

    def end(self) -> None:
        """The loop is off."""
        self.last_run, self.run = self.run, None

    def failed(self, error: EngineError, takes: int, *, most: int, fatal: bool) -> bool:
        """Counts a failure and tells of it; True when it parks the recipe.

        ``most`` failures in a row do, and one that no retry can mend (``fatal``).
        """
        if self.run is not None:
            self.run.failed[error.error] += takes
            self.run.error = error
        self.failures += 1
        if error is not self.last_error:  # one that ends several flights is told once
            self.events.publish("error", **error.to_dict())
        self.last_error = error
        if self.parked or self.ending or not (fatal or self.failures >= most):
            return False
        self.parked = error.error if fatal else f"{self.failures} failures in a row, the last: {error.error}"
        return True

    def found(self, faults: Sequence[str], *, empty: bool, limits: LoopSettings) -> bool:
        """Counts a take with its faults; True when it parks the recipe.

        As many empty takes in a row do as failures, and more that did not pass for any fault: what is only poor may
        come out better the next time.
        """
        self.faulty = self.faulty + 1 if faults else 0
        self.empty = self.empty + 1 if empty else 0
        nothing = self.empty >= limits.failures_before_parking
        poor = 0 < limits.faulty_before_parking <= self.faulty
        if self.parked or self.ending or not (nothing or poor):
            return False
        run = f"{self.empty} empty takes" if nothing else f"{self.faulty} takes that did not pass"
        self.parked = f"{run} in a row, the last: {faults[-1]}"
        self.events.publish("notice", text=f"The loop waits: {self.parked}.")
        return True

    def look(self, *, trouble: EngineError | None, working: bool, ready: bool, revision: int) -> None:
        """Works out the state; ``trouble`` is the store's, ``working`` that something is on its way."""
        if self.run is None:
            self.show("stopped" if self.last_run else "idle", self.last_run.reason if self.last_run else "", revision)
        elif self.ending:
            self.show("stopping", self.ending, revision)
        elif self.parked:
            self.show("parked", self.parked, revision)
        elif trouble is not None:
            self.show("paused", trouble.error, revision)
        elif self.hold and not working:
            self.show("paused", self.hold, revision)
        else:
            self.show("rendering" if ready else "loading", "", revision)

    def show(self, state: str, reason: str, revision: int) -> None:
        """Is in a state, and says so if that is new."""
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.since = state, reason, moment()
            self.events.publish("loop", state=state, reason=reason, revision=revision, since=self.since)

    def object(self, loop: LoopSettings, now: float) -> dict[str, Any]:
        """The loop as the API tells of it: its state, what limits it, and the figures of its run."""
        told = {"on": self.run is not None, "state": self.state, "reason": self.reason, "since": self.since}
        return {**told, **self._figures(loop), "seconds_left": self._seconds_left(loop, now)}

    def tell(self, loop: LoopSettings, now: float) -> None:
        """Publishes limits and figures where they have changed; time goes by untold."""
        figures = self._figures(loop)
        if figures != self.told:
            self.told = figures
            self.events.publish("run", **figures, seconds_left=self._seconds_left(loop, now))

    def _figures(self, loop: LoopSettings) -> dict[str, Any]:
        """What is counted is of the run that is under way, or of the last one."""
        run, on = self.run or self.last_run, self.run is not None
        made = len(run.made) if run else 0
        return {
            **{name: getattr(loop, name) for name in ("policy", "takes", "minutes", "until_score", "headless")},
            "ceiling": loop.ceiling,
            "unheard": self.standing.unheard if on else None,
            "made": made,
            "takes_left": max(0, loop.takes - made) if on and loop.takes is not None else None,
            "best": run.best if run else None,
            "batches": run.batches if run else 0,
            "skipped": run.skipped if run else 0,
            "failed": sum(run.failed.values()) if run else 0,
            "takes_per_hour": run.pace.per_hour if run else None,
        }

    def _seconds_left(self, loop: LoopSettings, now: float) -> float | None:
        if self.run is None or loop.minutes is None:
            return None
        return round(max(0.0, loop.minutes * 60 - (now - self.run.began)), 1)
