"""FlowEdit: from a source's latents straight to a target's, by the difference of two velocities (facts: dit.md 17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.sampling.guidance import Guidance
from engine.sampling.solvers import Look, Plan, Steering, Velocity

Draws = Callable[[int, int], Tensor]
"""``(step, draw)`` to noise ``[B, T, C]`` float32."""

MOST_DRAWS = 100
"""Draws of one step at the most: each has a noise stream of its own."""


@dataclass(frozen=True)
class Span:
    """The part of the steps in which editing goes on, and how many draws of noise each of them is the mean of.

    Steps before it are left out, so that the outline stays; after it the result is denoised by the target alone.
    """

    begin: float = 0.0
    end: float = 1.0
    draws: int = 1

    def bounds(self, steps: int) -> tuple[int, int]:
        """The first step of so many that edits, and the first after the last that does."""
        return int(steps * self.begin), int(steps * self.end)


@dataclass
class _Side:
    """One of the two trajectories, with a memory of its own."""

    velocity: Velocity
    steering: Steering
    previous: Tensor | None = None
    _forks: list[Guidance] = field(default_factory=list)
    _seen: list[Tensor] = field(default_factory=list)

    def draw(self, x: Tensor, t: float, step: int) -> Tensor:
        """The velocity for one draw, with the memory as it was before the step."""
        kept = self.steering.guidance
        fork = kept and kept.forked()
        v = self._steered(Steering(fork, self.steering.norm_threshold, self.steering.ema_factor), x, t, step)
        if fork is not None:
            self._forks.append(fork)
        self._seen.append(v)
        return v

    def settle(self) -> None:
        """Remembers the mean of the draws of a step."""
        if self.steering.guidance is not None and self._forks:
            self.steering.guidance.join(self._forks)
        self.previous = torch.stack(self._seen).mean(dim=0)
        self._forks, self._seen = [], []

    def _steered(self, steering: Steering, x: Tensor, t: float, step: int) -> Tensor:
        guidance = steering.guidance
        guided = guidance is not None and guidance.active(t, step)
        return steering.steered(self.velocity(x, step, guided), Look(x, t, step), self.previous)


def edit(plan: Plan, clean: Tensor, source: Velocity, target: Velocity, noise: Draws, span: Span) -> Iterator[Tensor]:
    """Yields the latents after every step that is not left out, beginning from ``clean`` ``[B, T, C]``.

    Of ``plan`` the times and the steering count: the steps are Euler's, and nothing is corrected.
    """
    begin, end = span.bounds(plan.steps)
    here, there = (_Side(velocity, plan.steering.fresh(plan.steps)) for velocity in (source, target))
    x = clean
    for i in range(begin, plan.steps):
        t, after = plan.times[i], plan.times[i + 1]
        if i < end:
            x = x + (after - t) * _difference(here, there, (clean, x), (t, i), noise, span.draws)
        else:
            if i == max(begin, end):
                x = x + t * (noise(i, 0) - clean)
            x = x + (after - t) * there.draw(x, t, i)
            there.settle()
        yield x


def _difference(
    here: _Side, there: _Side, latents: tuple[Tensor, Tensor], when: tuple[float, int], noise: Draws, draws: int
) -> Tensor:
    """The mean difference of the two velocities at a time and step, at the same noise on both sides."""
    clean, x = latents
    t, step = when
    differences = []
    for draw in range(draws):
        noised = (1 - t) * clean + t * noise(step, draw)
        from_source = here.draw(noised, t, step)
        differences.append(there.draw(x + noised - clean, t, step) - from_source)
    here.settle()
    there.settle()
    return torch.stack(differences).mean(dim=0)
