"""One engine process from its start to its end, and the ways in which it can end."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import EngineError
from engine.process import HELLO_SECONDS, EngineDied, EngineProcess
from sessions.watchdog import Stall


class EngineLost(EngineError):
    """The engine died or stalled while a job was there. ``stage`` is what it was doing, ``killed`` if by SIGKILL.

    A SIGKILL that nobody here sent is often the system's answer to memory that ran out.
    """

    def __init__(self, error: str, hint: str, *, stage: str | None, killed: bool) -> None:
        super().__init__(error, hint)
        self.stage = stage
        self.killed = killed


class EngineGaveUp(EngineError):
    """The engine died again and again without finishing a take, and is not started any more."""


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds, and how often they may fail."""

    hello: float = HELLO_SECONDS
    first_delay: float = 0.5
    """Before the first new start; each one without a take in between waits twice as long as the one before."""

    longest_delay: float = 30.0
    deaths: int = 5
    """Deaths in a row without a take after which it gives up."""

    tick: float = 1.0
    """How often it is looked at clocks and disks while nothing happens."""


@dataclass
class Life:
    """One engine process, from its start to its end."""

    engine: EngineProcess | None = None
    stage: str | None = None
    """The last stage that it told of."""

    stall: Stall | None = None
    """Why it was ended, if for that."""

    def why(self, gone: EngineError | OSError) -> str:
        """Why it is gone, or was never there."""
        if isinstance(gone, OSError):
            return f"The engine could not be started: {gone.strerror or type(gone).__name__}."
        return str(self.stall or gone.error)

    def last_stage(self) -> str | None:
        """What it was doing then."""
        return self.stall.stage if self.stall else self.stage


@dataclass
class Deaths:
    """Deaths in a row, without a take in between, and when they are too many."""

    patience: Patience
    in_a_row: int = 0

    def count(self, why: str, death: EngineError | OSError) -> float | EngineGaveUp:
        """One more: how long to wait before the next start, or why there will be none."""
        self.in_a_row += 1
        if self.in_a_row >= self.patience.deaths:
            sentence = f"The engine died {self.in_a_row} times in a row without finishing a take. The last time: {why}"
            return EngineGaveUp(sentence, last_words(death) or "Its log has the details.")
        return float(min(self.patience.first_delay * 2 ** (self.in_a_row - 1), self.patience.longest_delay))


def last_words(death: EngineError | OSError) -> str:
    """The last line of a dead engine's log."""
    lines = death.log_tail.strip().splitlines() if isinstance(death, EngineDied) else []
    return f"Its last words were: {lines[-1].strip()[:200]}" if lines else ""
