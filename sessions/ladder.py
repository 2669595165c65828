"""The out-of-memory ladder: what is given up, step by step, so that a recipe fits; and what was, in words.

What costs time alone comes first: a smaller batch, guidance in two passes, models in turns, layers one after another.
Then the sound may change a little (quantised weights), and then the songs (a smaller planner, none). A shorter take is
nobody's to decide but the person's: it is asked for in words, and never made by itself. What the engine does by itself
comes before all of it: it lets go what it kept and tries once more, halves its tiles, and decodes on the processor.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.protocol import Loaded
from sessions.batch import Batch
from sessions.settings import Settings

if TYPE_CHECKING:
    from sessions.supervisor import Supervisor

SHORTEST = 30.0
"""Seconds below which a shorter take is not asked for."""

QUANTISED = "int8_weight_only"


@dataclass(frozen=True)
class Rung:
    """One thing to give up: a field of the request and the next smaller value of it, None where it cannot go lower."""

    field: str
    lower: Callable[[float], float | None]


RUNGS = (Rung("batch_size", lambda size: size // 2 if size > 1 else None),)
"""Of the request; the models' own steps come after them."""


@dataclass(frozen=True)
class Aboard:
    """What an engine had loaded when memory ran out, as far as it could do with less."""

    saving: Mapping[str, Any] = field(default_factory=dict)
    """What it does to save memory, by the names of what it is told to load; None is what it cannot do."""

    guided: bool = False
    """Whether the request has guidance."""

    planner: str | None = None
    """The planner that it planned with."""

    smaller: tuple[str, ...] = ()
    """What could stand in its place, the largest first; ``none`` is no planner at all."""

    @classmethod
    def of(cls, loaded: Loaded, request: Mapping[str, Any], smaller: Callable[[str], tuple[str, ...]]) -> Aboard:
        """What an engine that told ``loaded`` had for a request; ``smaller`` finds what is smaller than a planner."""
        planner = loaded.planner if request.get("thinking") is not False else None
        told = {} if loaded.offload is None else {"offload": loaded.offload}
        scale = request.get("guidance_scale")
        own = loaded.profile.get("guidance_scale", 1.0)
        guided = float(own if scale is None or loaded.profile.get("guidance_fixed") else scale) > 1.0
        return cls({**told, **loaded.saving}, guided, planner, smaller(planner) if planner else ())

    def may(self, name: str) -> bool:
        """Whether a saving is possible and not made yet; of what nobody knows nothing is asked."""
        value = self.saving.get(name, _DONE)
        if name == "guidance_passes":
            return self.guided and value == 1
        if name == "quantization":
            return name in self.saving and value is None
        return value is False


_DONE = object()

UNKNOWN = Aboard()

SAVINGS: tuple[tuple[str, Any, str], ...] = (
    ("guidance_passes", 2, "guidance in one pass -> in two"),
    ("offload", True, "models in memory all together -> in turns"),
    ("offload_dit", True, "the music model's layers on the card all together -> one after another"),
    ("quantization", QUANTISED, "the music model whole -> in eight bits, which makes other takes"),
)
"""What an engine can be told to do with less, in this order: the option, its value, and the step in words."""


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
        return any(name in self.models and aboard.may(name) for name, _, _ in SAVINGS) or (
            planner is not None and aboard.planner is not None and aboard.planner != planner
        )

    def step(self, asked: Mapping[str, float], aboard: Aboard = UNKNOWN) -> str:
        """Gives up one thing more after ``asked`` did not fit, and says which: "batch_size 4 -> 2".

        Empty where there is nothing left to give up.
        """
        for rung in self.rungs:
            lower = rung.lower(asked[rung.field]) if rung.field in asked else None
            if lower is not None:
                self.limits[rung.field] = lower
                return f"{rung.field} {asked[rung.field]:g} -> {lower:g}"
        return self._lighter(aboard)

    def _lighter(self, aboard: Aboard) -> str:
        """Gives up one thing more of the models; empty where there is nothing left of them."""
        for name, value, said in SAVINGS:
            if aboard.may(name):
                self.models[name] = value
                return said
        if aboard.planner is not None and aboard.smaller:
            self.models |= {"lm": aboard.smaller[0], "lm_draft": None}
            return f"planner {aboard.planner} -> {aboard.smaller[0]}"
        return ""

    def fitted(self, line: deque[Batch], defaults: Mapping[str, float], room: int | None = None) -> Batch:
        """The first batch in ``line``, within the limits and of at most ``room`` takes; its rest stays in line."""
        batch = line.popleft()
        size = len(batch.seeds)
        most = int(
            min(self.limits.get("batch_size", size), *(size if each is None else each for each in (room, batch.room)))
        )
        if (rest := batch.without(range(most))) is not None:
            line.appendleft(replace(rest, room=None))  # it may come to an engine with more room
        first = batch.without(range(most, size)) or batch
        return replace(first, request=self.limited(first.request, defaults))

    def reset_if_changed(self, before: Settings, after: Settings) -> None:
        """Starts at the top again if what was changed may make room: the size of the batch, its length, the models."""
        if _weight(before) != _weight(after):
            self.limits.clear()
            self.models.clear()


class Less(EngineError):
    """A batch came to an engine that has no room for all of it: ``room`` is how many of its takes that engine makes."""

    def __init__(self, room: int) -> None:
        super().__init__(f"There is room for {room} of these takes at once.")
        self.room = room


def memory_of(engine: Supervisor) -> str:
    """What tells an engine's memory from others: those on the processor share one, and each card has its own."""
    return "cpu" if engine.models.get("device") == "cpu" else engine.name


class Ladders:
    """One for each memory: what does not fit on one card says nothing of another one, which may be larger."""

    def __init__(self) -> None:
        self._of: dict[str, Ladder] = {}

    def of(self, engine: Supervisor) -> Ladder:
        """That of an engine, which it shares with those that share its memory."""
        return self._of.setdefault(memory_of(engine), Ladder())

    def models(self, engines: Iterable[Supervisor]) -> Mapping[str, Mapping[str, Any]]:
        """What was given up of the models, by the names of engines."""
        return {engine.name: dict(self.of(engine).models) for engine in engines}

    def check(self, engine: Supervisor, takes: int) -> None:
        """Raises Less where so many takes are more than an engine has room for."""
        if takes > (most := self.of(engine).limits.get("batch_size", takes)):
            raise Less(int(most))

    def fitted(
        self, line: deque[Batch], defaults: Mapping[str, float], engines: Iterable[Supervisor], room: int | None = None
    ) -> Batch:
        """As ``Ladder.fitted``, for whichever of ``engines`` has most room: another one takes a part of it."""
        ladders = [self.of(engine) for engine in engines]
        return max(ladders, key=lambda each: each.limits.get("batch_size", math.inf)).fitted(line, defaults, room)

    def reset_if_changed(self, before: Settings, after: Settings) -> None:
        """As ``Ladder.reset_if_changed``, all of them."""
        for ladder in self._of.values():
            ladder.reset_if_changed(before, after)


def _weight(settings: Settings) -> tuple[Any, ...]:
    template = settings.recipe.template
    return (template.get("batch_size"), template.get("duration"), settings.recipe.grid, settings.models)
