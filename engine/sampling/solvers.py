"""The loop from noise to latents (facts: dit.md 13). ``x`` stays float32; the model casts what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.sampling.guidance import Guidance

Velocity = Callable[[Tensor, int, bool], tuple[Tensor, Tensor | None]]
"""``(x, step, guided)`` to the conditional velocity and, if guided, the unconditional one. ``[B, T, C]`` float32."""

FreshNoise = Callable[[int], Tensor]
"""``step`` to new noise ``[B, T, C]`` float32, for an SDE."""


@dataclass(frozen=True)
class Steering:
    """What happens to a velocity between the model and the step."""

    guidance: Guidance | None = None
    norm_threshold: float = 0.0
    ema_factor: float = 0.0

    def fresh(self) -> Steering:
        """The same for another trajectory: what guidance remembers is not passed on."""
        return replace(self, guidance=self.guidance and self.guidance.fresh())


@dataclass(frozen=True)
class Plan:
    """A trajectory: times (the last is 0), the method and the steering."""

    times: Sequence[float]
    method: str = "ode"
    heun: bool = False
    turbo: bool = False
    steering: Steering = Steering()

    @property
    def steps(self) -> int:
        """How many times ``x`` moves."""
        return len(self.times) - 1


def solve(plan: Plan, x: Tensor, velocity: Velocity, fresh: FreshNoise | None = None) -> Iterator[Tensor]:
    """Yields ``x`` after every step; the last is the clean latents. Stopping to iterate is cancelling."""
    plan = replace(plan, steering=plan.steering.fresh())
    previous: Tensor | None = None
    for i in range(plan.steps):
        t, after = plan.times[i], plan.times[i + 1]
        v = _steered(plan.steering, x, t, velocity, i, previous, first_look=True)
        if plan.method == "sde":
            x = _ancestral(x, v, t, after, fresh, i)
        elif plan.heun and not (plan.turbo and after == 0):
            x = _heun(plan, x, v, i, velocity)
        else:
            x = x - v * (t - after)
        previous = v
        yield x


def _steered(
    steering: Steering, x: Tensor, t: float, velocity: Velocity, step: int, previous: Tensor | None, *, first_look: bool
) -> Tensor:
    """Guidance, then the norm limit, then the moving average: the published order."""
    guidance = steering.guidance
    guided = guidance is not None and guidance.active(t)
    v, uncond = velocity(x, step, guided)
    if guidance is not None and uncond is not None:
        v = guidance(x, v, uncond, t) if first_look else guidance.plain(x, v, uncond, t)
    if steering.norm_threshold > 0:
        v = limited_to(v, x, steering.norm_threshold)
    if steering.ema_factor > 0 and previous is not None:
        v = (1 - steering.ema_factor) * v + steering.ema_factor * previous
    return v


def limited_to(v: Tensor, x: Tensor, threshold: float) -> Tensor:
    """Shortens each item's velocity to at most ``threshold`` times the length of its latents."""
    length = torch.linalg.vector_norm(v, dim=(1, 2), keepdim=True) + 1e-10
    limit = threshold * (torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True) + 1e-10)
    return v * torch.clamp(limit / length, max=1)


def _ancestral(x: Tensor, v: Tensor, t: float, after: float, fresh: FreshNoise | None, step: int) -> Tensor:
    """Jumps to the clean estimate and noises it again, to the time that the schedule says comes next."""
    clean = x - v * t
    if after == 0 or fresh is None:
        return clean
    return after * fresh(step) + (1 - after) * clean


def _heun(plan: Plan, x: Tensor, v: Tensor, i: int, velocity: Velocity) -> Tensor:
    """Looks again from where the step would end and goes with the mean of both; at time 0 too, except on turbo."""
    t, after = plan.times[i], plan.times[i + 1]
    ahead = x - v * (t - after)
    again = _steered(plan.steering, ahead, after, velocity, i + 1, v, first_look=False)
    return x - (t - after) * (v + again) / 2
