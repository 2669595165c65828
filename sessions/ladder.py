"""The out-of-memory ladder: what is given up, step by step, so that a recipe fits; and what was, in words."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sessions.batch import Batch
from sessions.settings import Settings

SHORTEST = 30.0
"""Seconds below which a take is not made shorter."""


@dataclass(frozen=True)
class Rung:
    """One thing to give up: a field of the request and the next smaller value of it, None where it cannot go lower."""

    field: str
    lower: Callable[[float], float | None]


RUNGS = (
    Rung("batch_size", lambda size: size // 2 if size > 1 else None),
    Rung("duration", lambda seconds: max(SHORTEST, seconds / 2) if seconds > SHORTEST else None),
)
"""In this order: a smaller batch costs time alone, a shorter take costs music. Smaller tiles are the engine's own step,
which it takes while it decodes; moving models off the card and a smaller planner will go between these two."""


@dataclass
class Ladder:
    """What was given up so far; it holds until ``reset``, because what did not fit once does not fit again."""

    rungs: tuple[Rung, ...] = RUNGS
    limits: dict[str, float] = field(default_factory=dict)

    def limited(self, request: Mapping[str, Any], defaults: Mapping[str, float]) -> dict[str, Any]:
        """``request`` within the limits; ``defaults`` say what a field is that it leaves open."""
        changes = {}
        for name, limit in self.limits.items():
            value = request.get(name)
            if (value if value is not None else defaults.get(name, 0)) > limit:
                changes[name] = limit
        return {**request, **changes}

    def covers(self, asked: Mapping[str, float]) -> bool:
        """Whether what did not fit is less today: it was on its way before the last step."""
        return any(asked.get(name, 0.0) > limit for name, limit in self.limits.items())

    def step(self, asked: Mapping[str, float]) -> str:
        """Gives up one thing more after ``asked`` did not fit, and says which: "batch_size 4 -> 2".

        Empty where there is nothing left to give up.
        """
        for rung in self.rungs:
            lower = rung.lower(asked[rung.field]) if rung.field in asked else None
            if lower is not None:
                self.limits[rung.field] = lower
                return f"{rung.field} {asked[rung.field]:g} -> {lower:g}"
        return ""

    def fitted(self, line: deque[Batch], defaults: Mapping[str, float], room: int | None = None) -> Batch:
        """The first batch in ``line``, within the limits and of at most ``room`` takes; its rest stays in line."""
        batch = line.popleft()
        size = len(batch.seeds)
        most = int(min(self.limits.get("batch_size", size), size if room is None else room))
        if (rest := batch.without(range(most))) is not None:
            line.appendleft(rest)
        first = batch.without(range(most, size)) or batch
        return replace(first, request=self.limited(first.request, defaults))

    def reset_if_changed(self, before: Settings, after: Settings) -> None:
        """Starts at the top again if what was changed may make room: the size of the batch, its length, the models."""
        if _weight(before) != _weight(after):
            self.limits.clear()


def _weight(settings: Settings) -> tuple[Any, ...]:
    return (*(settings.recipe.template.get(rung.field) for rung in RUNGS), settings.recipe.grid, settings.models)
