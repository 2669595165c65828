"""What the sampling loop asks: the decoder's velocity at latents and a step, with prompts and in a context.

What guidance pulls away from goes through the decoder together with what is asked for, or after it: that takes half
the memory, or a third where guidance is split, and rounds in another way on cards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.contexts import for_all
from engine.models.dit import Memory
from engine.models.recorded import RecordedDiT
from engine.run import Run
from engine.sampling.solvers import Velocity

Surroundings = Callable[[], tuple[Tensor, Sequence[Memory]]]
"""The context, and the prompts: what is asked for first, and what guidance pulls away from."""


def looking(run: Run, decoder: RecordedDiT, dtype: torch.dtype, surroundings: Surroundings) -> Velocity:
    """The velocity of a run; its surroundings are asked for at every step."""

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        context, prompts = surroundings()
        found: list[Tensor] = []
        for memories in passes(run, prompts if guided else prompts[:1]):
            rows = x.to(dtype).repeat(len(memories), 1, 1)
            out = decoder(rows, run.times.step(step), for_all(context, memories), memories, run.rotary).float()
            found += out.chunk(len(memories))
        return tuple(found)

    return velocity


def passes(run: Run, prompts: Sequence[Memory]) -> Sequence[Sequence[Memory]]:
    """The prompts that go through the decoder together."""
    return [prompts] if run.passes == 1 else [[each] for each in prompts]
