"""The out-of-memory ladder: what is given up, step by step, so that a recipe fits; and what was, in words.

A smaller batch costs time alone. Then models give way: text encoder, VAE and planner come in turns, then a smaller
planner does, then none. A shorter take costs music, and comes last. Smaller tiles are the engine's own step, which it
takes while it decodes.
"""

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
"""Of the request, in this order; the models' own steps go before the last of them."""


@dataclass(frozen=True)
class Aboard:
    """What an engine had loaded when memory ran out, as far as it could do with less."""

    in_turns: bool = True
    """Whether its models take turns already; True where nobody knows."""

    planner: str | None = None
    """The planner that it planned with."""

    smaller: tuple[str, ...] = ()
    """What could stand in its place, the largest first; ``none`` is no planner at all."""


UNKNOWN = Aboard()


@dataclass
class Ladder:
    """What was given up so far; it holds until ``reset``, because what did not fit once does not fit again."""

    rungs: tuple[Rung, ...] = RUNGS
    limits: dict[str, float] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    """What was given up of the models, as an engine is told to load them."""

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

    def awaits(self, aboard: Aboard) -> bool:
        """Whether an engine was not yet the one that has less: another batch was on its way to the old one."""
        planner = self.models.get("lm")
        return (bool(self.models.get("offload")) and not aboard.in_turns) or (
            planner is not None and aboard.planner is not None and aboard.planner != planner
        )

    def step(self, asked: Mapping[str, float], aboard: Aboard = UNKNOWN) -> str:
        """Gives up one thing more after ``asked`` did not fit, and says which: "batch_size 4 -> 2".

        Empty where there is nothing left to give up.
        """
        for rung in self.rungs:
            if rung is self.rungs[-1] and (said := self._lighter(aboard)):
                return said
            lower = rung.lower(asked[rung.field]) if rung.field in asked else None
            if lower is not None:
                self.limits[rung.field] = lower
                return f"{rung.field} {asked[rung.field]:g} -> {lower:g}"
        return ""

    def _lighter(self, aboard: Aboard) -> str:
        """Gives up one thing more of the models; empty where there is nothing left of them."""
        if not aboard.in_turns:
            self.models["offload"] = True
            return "models in memory all together -> in turns"
        if aboard.planner is not None and aboard.smaller:
            self.models["lm"] = aboard.smaller[0]
            return f"planner {aboard.planner} -> {aboard.smaller[0]}"
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
            self.models.clear()


def _weight(settings: Settings) -> tuple[Any, ...]:
    return (*(settings.recipe.template.get(rung.field) for rung in RUNGS), settings.recipe.grid, settings.models)
