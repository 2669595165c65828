"""How long each stage of the engine may be silent before it counts as stalled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

FLOORS: Mapping[str, float] = MappingProxyType(
    {"load": 600.0, "conditions": 300.0, "planner": 300.0, "sampling": 600.0, "decode": 300.0, "write": 180.0}
)
"""Seconds of silence that are always allowed: a first step on a slow machine is not a stall."""

FACTOR = 20.0
"""How many times its longest silence so far a stage may be silent."""

_NEXT = {"load": "conditions", "conditions": "sampling", "planner": "sampling", "sampling": "decode", "decode": "write"}
"""What comes after a stage that has told of its last step; after a write, the next take is sampled."""


@dataclass(frozen=True)
class Stall:
    """A stage that has been silent for too long."""

    stage: str
    seconds: float

    def __str__(self) -> str:
        return f"The engine stalled in the stage '{self.stage}': no sign of it for {self.seconds:.0f} seconds."


@dataclass
class Watchdog:
    """Listens to progress and says when the silence is too long. Times are seconds, and come from the caller.

    It learns: a stage may be silent ``FACTOR`` times as long as it ever was, and after a stall twice as long as before,
    so that a machine that is merely slow gets through in the end.
    """

    floors: dict[str, float] = field(default_factory=lambda: dict(FLOORS))
    factor: float = FACTOR
    stage: str | None = None
    """What is being worked on; None while nothing is."""

    silent: float = 0.0
    _longest: dict[str, float] = field(default_factory=dict)

    def allowed(self, stage: str) -> float:
        """Seconds for which ``stage`` may be silent."""
        floor = self.floors.get(stage, max(self.floors.values()))
        return max(floor, self.factor * self._longest.get(stage, 0.0))

    def expect(self, stage: str) -> None:
        """Work was handed over; ``stage`` is what it begins with. Nothing changes where other work goes on."""
        if self.stage is None:
            self.stage, self.silent = stage, 0.0

    def heard(self, stage: str, done: int, total: int) -> None:
        """A stage told of a step."""
        if self.stage is not None:
            self._longest[self.stage] = max(self._longest.get(self.stage, 0.0), self.silent)
        if stage != "write":
            self.stage = stage if done < total else _NEXT.get(stage, "sampling")
        elif done >= total and self.stage == "write":  # takes are written beside the work: only a wait for it ends
            self.stage = "sampling"
        self.silent = 0.0

    def sign(self) -> None:
        """The engine told of something else; what it works on stays."""
        self.silent = 0.0

    def rest(self) -> None:
        """Nothing is being worked on."""
        self.stage, self.silent = None, 0.0

    def passed(self, seconds: float) -> Stall | None:
        """So much time has gone by; the stall, if there is one now."""
        if self.stage is None:
            return None
        self.silent += seconds
        if self.silent <= self.allowed(self.stage):
            return None
        stall = Stall(self.stage, self.silent)
        self.floors[self.stage] = 2 * self.allowed(self.stage)
        self.rest()
        return stall

    async def stalled(self, tick: float) -> Stall:
        """Looks at the clock every ``tick`` seconds, and returns the stall once there is one."""
        clock = asyncio.get_running_loop().time
        looked = clock()
        while True:
            await asyncio.sleep(tick)
            last, looked = looked, clock()
            # While this process was stopped or starved, nobody listened: that time says nothing about the engine.
            if stall := self.passed(min(looked - last, 2 * tick)):
                return stall
