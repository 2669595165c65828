"""One request on its way: what all items of a batch share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.models.dit import Memory, Time
from engine.models.primitives import Rotary
from engine.planner.plan import Plan as SongPlan
from engine.request import Request
from engine.sampling.solvers import Plan
from engine.sources.work import Work


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
    before: tuple[Memory, ...]
    """The prompts of what the source sounds like now, where it is morphed."""
    later: tuple[Memory, ...]
    """The prompts from the step on at which a cover leaves its source (``plan.turn``)."""
    rotary: Rotary
    lanes: int
    """Items that are denoised together."""
    codes: tuple[tuple[int, ...], ...]
    """What each item follows; empty ones follow nothing."""
    plans: tuple[SongPlan, ...]
    """Each item's plan, where there was a planner."""
    identity: Mapping[str, Any]
    """What its takes remember of the model, and of the adapters on it."""
    passes: int = 1
    """How often the decoder is asked at a step of guidance: 1, or once for each prompt."""
    work: Work | None = None
    """The source, for a task that has one."""
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def starts_in_source(self) -> bool:
        """Whether the first latents are not noise alone, but have something of what is followed in them."""
        follows = any(self.codes) or (self.work is not None and self.work.covers)
        return follows and self.request.cover_noise_strength > 0
