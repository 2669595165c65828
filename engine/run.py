"""One request on its way: what all items of a batch share."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.models.dit import Memory, Time
from engine.models.primitives import Rotary
from engine.planner.plan import Plan as SongPlan
from engine.request import Request
from engine.sampling.solvers import Plan


@dataclass
class Run:
    """What was prepared, and what the items still share while they are made."""

    request: Request
    frames: int
    length: int
    """Frames that are sampled: the take's, and at least as many as the model is always run with."""
    samples: int
    plan: Plan
    times: Time
    memories: tuple[Memory, ...]
    rotary: Rotary
    lanes: int
    """Items that are denoised together."""
    codes: tuple[tuple[int, ...], ...]
    """What each item follows; empty ones follow nothing."""
    plans: tuple[SongPlan, ...]
    """Each item's plan, where there was a planner."""
    timings: dict[str, float] = field(default_factory=dict)
