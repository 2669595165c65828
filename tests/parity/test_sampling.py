"""The arithmetic between the network and the latents: times, and guidance with its memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance

from engine.sampling.guidance import Guidance
from engine.sampling.schedule import schedule
from tests.parity.oracle import NETWORK, Twins, agree, randn

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("shift", [1.0, 2.0, 3.0, 4.7])
@pytest.mark.parametrize("steps", [1, 2, 7, 8, 20, 50, 200])
def test_times(twins: Callable[..., Twins], steps: int, shift: float) -> None:
    """diffusers computes them in float32 and leaves the closing 0 to its scheduler."""
    pipe = twins("turbo").pipe
    theirs = pipe._get_timestep_schedule(steps, shift, dtype=torch.float32)
    pipe.scheduler.set_timesteps(sigmas=theirs.tolist())
    agree("times", torch.tensor(schedule(steps, shift)), pipe.scheduler.sigmas, NETWORK)


@pytest.mark.parametrize("scale", [1.5, 7.0, 15.0])
@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("frames", [1, 138])
def test_adaptive_projected_guidance(frames: int, size: float, scale: float) -> None:
    """Five steps of three items, with differences from far below the norm's limit to far above it."""
    ours, momentum = Guidance("apg_classic", scale), MomentumBuffer(-0.75)
    for step in range(5):
        cond = randn(3, frames, 16, seed=step)
        uncond = cond + size * randn(3, frames, 16, seed=100 + step)
        theirs = normalized_guidance(
            cond,
            uncond,
            guidance_scale=scale - 1,
            momentum_buffer=momentum,
            eta=0.0,
            norm_threshold=2.5,
            use_original_formulation=True,
            norm_dim=(1,),
        )
        agree("APG", ours(cond, cond, uncond, 0.5), theirs, NETWORK)
