"""Where the loop stands: on or off, ending, parked or waiting; and the one event that says so when it changes."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import EngineError
from sessions.events import EventLog
from sessions.report import Run


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
    last_error: EngineError | None = None

    def begin(self, run: Run) -> None:
        """The loop is on."""
        self.run = run
        self.ending, self.at_once = "", False
        self.unpark()

    def unpark(self) -> None:
        """The recipe, or the engine, has another chance."""
        self.parked, self.failures, self.last_error = "", 0, None

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
            self.state, self.reason = state, reason
            self.events.publish("loop", state=state, reason=reason, revision=revision)
