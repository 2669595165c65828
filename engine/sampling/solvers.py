"""The loop from noise to latents (facts: dit.md 13). ``x`` stays float32; the model casts what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.sampling.correction import Correction
from engine.sampling.guidance import Guidance

Velocity = Callable[[Tensor, int, bool], tuple[Tensor, ...]]
"""``(x, step, guided)`` to the conditional velocity and, if guided, the unconditional one and, where the guidance is
split, the one without lyrics. Each is ``[B, T, C]`` float32.
"""

FreshNoise = Callable[[int], Tensor]
"""``step`` to new noise ``[B, T, C]`` float32, for an SDE."""

Held = Callable[[Tensor, int], Tensor]
"""``(x, step)`` to the latents to go on from after a step: parts of them may be held where they are."""

_HISTORY = 2
"""Earlier velocities that a multistep solver uses."""


@dataclass(frozen=True)
class Steering:
    """What happens to a velocity between the model and the step."""

    guidance: Guidance | None = None
    norm_threshold: float = 0.0
    ema_factor: float = 0.0

    def fresh(self, steps: int) -> Steering:
        """The same for another trajectory of so many steps: what guidance remembers is not passed on."""
        return replace(self, guidance=self.guidance and self.guidance.fresh(steps))

    def steered(self, predictions: tuple[Tensor, ...], look: Look, previous: Tensor | None) -> Tensor:
        """Guidance, then the norm limit, then the moving average with ``previous``: the published order."""
        v, *others = predictions
        if self.guidance is not None and others:
            guide = self.guidance if look.first else self.guidance.plain
            v = guide(look.x, v, others[0], look.t, step=look.step, wordless=others[1] if len(others) > 1 else None)
        if self.norm_threshold > 0:
            v = limited_to(v, look.x, self.norm_threshold)
        if self.ema_factor > 0 and previous is not None:
            v = (1 - self.ema_factor) * v + self.ema_factor * previous
        return v


@dataclass(frozen=True)
class Look:
    """Where a model is asked for its velocity: at latents ``x`` and the time ``t``, on behalf of a ``step``.

    Heun's second look is not the ``first`` of its step.
    """

    x: Tensor
    t: float
    step: int
    first: bool = True


@dataclass(frozen=True)
class Plan:
    """A trajectory: times (the last is 0), the method and the steering."""

    times: Sequence[float]
    method: str = "ode"
    heun: bool = False
    turbo: bool = False
    steering: Steering = Steering()
    multistep: bool = False
    granularity: float = 1.0
    """What the deviation of a step's movement from its mean is multiplied by (v1's ``omega_scale``)."""

    correction: Correction | None = None
    turn: int | None = None
    """The step from which on other conditions hold: what was remembered until then says nothing any more."""

    @property
    def steps(self) -> int:
        """How many times ``x`` moves."""
        return len(self.times) - 1


def solve(
    plan: Plan, x: Tensor, velocity: Velocity, fresh: FreshNoise | None = None, held: Held | None = None
) -> Iterator[Tensor]:
    """Yields ``x`` after every step; the last is the clean latents. Stopping to iterate is cancelling."""
    plan = replace(plan, steering=plan.steering.fresh(plan.steps))
    history: list[tuple[float, Tensor]] = []
    for i in range(plan.steps):
        t, after = plan.times[i], plan.times[i + 1]
        if i == plan.turn:
            plan, history = replace(plan, steering=plan.steering.fresh(plan.steps)), []
        v = _velocity(plan, Look(x, t, i), velocity, i, history[-1][1] if history else None)
        clean = x - v * t
        if plan.method == "sde":
            x = _ancestral(clean, after, fresh, i)
        elif plan.heun and not (plan.turbo and after == 0):
            x = _heun(plan, x, v, i, velocity)
        elif plan.multistep and history:
            x = x + granular(_extrapolated(history, (t, v), after), plan.granularity)
        else:
            x = x - granular(v * (t - after), plan.granularity)
        if plan.correction is not None:
            x = plan.correction(x, clean, t)
        if held is not None:
            x = held(x, i)
        history = [*history, (t, v)][-_HISTORY:]
        yield x


def _velocity(plan: Plan, look: Look, velocity: Velocity, time: int, previous: Tensor | None) -> Tensor:
    """The velocity that a step goes by; ``time`` is the number of the time that the model is asked about."""
    guidance = plan.steering.guidance
    guided = guidance is not None and guidance.active(look.t, look.step)
    return plan.steering.steered(velocity(look.x, time, guided), look, previous)


def limited_to(v: Tensor, x: Tensor, threshold: float) -> Tensor:
    """Shortens each item's velocity to at most ``threshold`` times the length of its latents."""
    length = torch.linalg.vector_norm(v, dim=(1, 2), keepdim=True) + 1e-10
    limit = threshold * (torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True) + 1e-10)
    return v * torch.clamp(limit / length, max=1)


def granular(movement: Tensor, factor: float) -> Tensor:
    """A movement whose deviation from its mean over time and channels, item by item, is multiplied by ``factor``."""
    if factor == 1:
        return movement
    mean = movement.mean(dim=(1, 2), keepdim=True)
    return (movement - mean) * factor + mean


def _ancestral(clean: Tensor, after: float, fresh: FreshNoise | None, step: int) -> Tensor:
    """Noises the clean estimate again, to the time that the schedule says comes next."""
    if after == 0 or fresh is None:
        return clean
    return after * fresh(step) + (1 - after) * clean


def _heun(plan: Plan, x: Tensor, v: Tensor, i: int, velocity: Velocity) -> Tensor:
    """Looks again from where the step would end and goes with the mean of both; at time 0 too, except on turbo."""
    t, after = plan.times[i], plan.times[i + 1]
    ahead = x - granular(v * (t - after), plan.granularity)
    again = _velocity(plan, Look(ahead, after, i, first=False), velocity, i + 1, v)
    return x - granular((t - after) * (v + again) / 2, plan.granularity)


def _extrapolated(history: Sequence[tuple[float, Tensor]], now: tuple[float, Tensor], after: float) -> Tensor:
    """The movement by Adams and Bashforth's rule of the second or third order, for times at any distances.

    It is the integral, from now to ``after``, of the polynomial through the velocities that are known.
    """
    (t, v), (before, v_before) = now, history[-1]
    step = after - t
    slope = (v - v_before) / (t - before)
    movement = step * v + step**2 / 2 * slope
    if len(history) < _HISTORY:
        return movement
    earlier, v_earlier = history[-2]
    bend = (slope - (v_before - v_earlier) / (before - earlier)) / (t - earlier)
    return movement + (step**3 / 3 + (t - before) * step**2 / 2) * bend
