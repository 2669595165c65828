"""What the sampling loop asks: the decoder's velocity at latents and a step, with prompts and in a context."""

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
        memories = prompts if guided else prompts[:1]
        rows = x.to(dtype).repeat(len(memories), 1, 1)
        out = decoder(rows, run.times.step(step), for_all(context, memories), memories, run.rotary).float()
        return out.chunk(len(memories))

    return velocity
