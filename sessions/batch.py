"""One render of several seeds, from the decision to make it to its last take."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.protocol import ProgressEvent
from sessions.clock import moment
from sessions.take import Take

if TYPE_CHECKING:
    from sessions.supervisor import Supervisor

SIBLING = "sibling"
RENDER = "render"


@dataclass(eq=False)
class Ask:
    """What a person wants right now; ``answer`` gets the takes, or the reason why there are none."""

    answer: asyncio.Future[list[Take]]
    takes: list[Take] = field(default_factory=list)

    def settle(self, error: EngineError | None) -> None:
        """Gives the answer: takes, if any were made."""
        if self.answer.done():
            return
        if error is not None and not self.takes:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(self.takes)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What to render. ``request`` is a recipe's, resolved but for the seeds; ``retakes`` are empty or one a seed."""

    request: Mapping[str, Any]
    seeds: tuple[int, ...]
    retakes: tuple[int, ...] = ()
    revision: int | None = None
    operation: str = RENDER
    parent: str | None = None
    name: str = ""
    """What its takes are called; without, they are called after their caption, or their plan."""

    ask: Ask | None = None
    number: int | None = None
    """Which of its run it is, from 1; None for what a person has asked for."""

    choice: Mapping[str, Any] | None = None
    """How it was chosen, where a person's taste did that: ``sessions.thompson.Choice``."""

    losses: int = 0
    """How often the engine was lost over it."""

    room: int | None = None
    """How many of its takes are made at once where it came to an engine with room for no more."""

    id: str = field(default_factory=lambda: secrets.token_hex(4))

    def job(self) -> dict[str, Any]:
        """The request as the engine gets it: every seed in it, nothing left to chance."""
        return {
            **self.request,
            "batch_size": len(self.seeds),
            "seed": self.seeds[0],
            "seeds": list(self.seeds),
            "use_random_seed": False,
            "retake_seed": list(self.retakes),
        }

    def origin(self) -> dict[str, Any]:
        """What its takes know of where they come from, by the names that a take has for it."""
        chosen = {} if self.choice is None else {"extra": {"choice": dict(self.choice)}}
        origin = {"revision": self.revision, "parent": self.parent, "operation": self.operation, "batch": self.id}
        return {**origin, **chosen}

    def without(self, indexes: Collection[int]) -> Batch | None:
        """The same batch without some of its takes; None if nothing is left."""
        kept = [index for index in range(len(self.seeds)) if index not in indexes]
        if not kept:
            return None
        retakes = tuple(self.retakes[index] for index in kept) if self.retakes else ()
        return replace(self, seeds=tuple(self.seeds[index] for index in kept), retakes=retakes)

    def key(self, index: int) -> tuple[str, int, int | None]:
        """What is the same for a take however often it is tried."""
        return self.id, self.seeds[index], self.retakes[index] if self.retakes else None


@dataclass(eq=False)
class Flight:
    """A batch on its way through the engine, as one job."""

    batch: Batch
    job: str
    engine: Supervisor | None = None
    """Which engine has it; None while it waits for one."""

    before: Flight | None = None
    """The flight that this engine has before it: of one engine's flights takes are committed, and land, in order."""

    task: asyncio.Task[None] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    made: dict[int, Take] = field(default_factory=dict)
    """Committed takes by their position."""

    progress: ProgressEvent | None = None
    """The last sign of the stages that make takes; writing goes on beside them."""

    since: str = ""
    """When what ``progress`` tells of has begun: this stage, of this take."""

    why: str | None = None
    """Why it was asked to stop: skip, preempt, outdated, stop."""

    dropped: frozenset[int] = frozenset()
    """Positions that are not wanted any more."""

    last: int | None = None
    """The position after which it is to stop, for the reason ``last_why``."""

    last_why: str = ""

    joint: bool = False
    """Whether its takes are sampled together, so that they are all being made until each is finished."""

    error: EngineError | None = None
    busy_from: float | None = None
    busy_until: float | None = None

    def moved(self, event: ProgressEvent) -> None:
        """The engine has told of it."""
        before = self.progress
        if before is None or (before.stage, before.take) != (event.stage, event.take):
            self.since = moment()
        self.progress = event
        self.joint = self.joint or (event.stage == "sampling" and event.take is None)

    def object(self, event: ProgressEvent) -> dict[str, Any]:
        """A sign of it as events have it: what is done, since when, and of which batch."""
        batch = self.batch
        told = {"stage": event.stage, "done": event.done, "total": event.total, "take": event.take}
        about = {
            "number": batch.number,
            "size": len(batch.seeds),
            "made": len(self.made),
            "seeds": list(batch.seeds),
            "revision": batch.revision,
            "operation": batch.operation,
            "parent": batch.parent,
            "asked": batch.ask is not None,
            "chosen": "" if batch.choice is None else batch.choice["words"],
        }
        return {**told, "since": self.since, "engine": (self.engine and self.engine.name) or None, "batch": about}

    @property
    def begun(self) -> bool:
        """Whether the engine works on it or has done so."""
        return self.progress is not None

    @property
    def computed(self) -> bool:
        """Whether all is sampled and decoded; what remains is writing."""
        now, final = self.progress, len(self.batch.seeds) - 1
        return now is not None and now.stage == "decode" and now.take == final and now.done >= now.total

    def current(self) -> frozenset[int]:
        """The positions that are being made right now: one where takes are sampled one by one, else all at once."""
        unmade, now = sorted(set(range(len(self.batch.seeds))) - self.made.keys()), self.progress
        if self.joint:
            return frozenset(unmade)
        if now is not None and now.take is not None:
            finished = now.stage == "decode" and now.done >= now.total
            return frozenset({now.take + 1 if finished else now.take} & set(unmade))
        return frozenset(unmade[:1])

    def left(self) -> Batch | None:
        """What was neither made nor dropped."""
        return self.batch.without(self.made.keys() | self.dropped)

    @property
    def busy_seconds(self) -> float:
        """How long the engine has worked on it."""
        return self.busy_until - self.busy_from if self.busy_from is not None and self.busy_until is not None else 0.0
