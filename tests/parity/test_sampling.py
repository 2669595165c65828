"""The arithmetic between the network and the latents: times, and guidance with its memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler
from diffusers.guiders import ClassifierFreeZeroStarGuidance
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from torch import Tensor

from engine.sampling.guidance import Constants, Guidance
from engine.sampling.schedule import schedule
from engine.sampling.solvers import Plan, solve
from tests.parity.oracle import AUDIO, NETWORK, Twins, agree, randn

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


@pytest.mark.parametrize("standing", [0, 2])
@pytest.mark.parametrize("scale", [1.5, 4.0, 9.0])
def test_guidance_with_a_fitted_negative(scale: float, standing: int) -> None:
    """CFG-Zero*, with and without the first steps that stand still."""
    theirs = ClassifierFreeZeroStarGuidance(scale, zero_init_steps=standing)
    ours = Guidance("cfg_star", scale, constants=Constants(zero_init_steps=standing)).fresh(5)
    for step in range(5):
        theirs.set_state(step=step, num_inference_steps=5, timestep=torch.tensor(0.5))
        cond, uncond = randn(3, 138, 16, seed=step), randn(3, 138, 16, seed=100 + step)
        expected, actual = theirs.forward(cond, uncond).pred, ours(cond, cond, uncond, 0.5, step=step)
        if step < standing:
            assert torch.equal(actual, expected)
        else:
            agree("CFG-Zero*", actual, expected, NETWORK)


def law(x: Tensor, t: float) -> Tensor:
    """A velocity that bends."""
    return torch.sin(2 * x) + t * x


@pytest.mark.parametrize("steps", [2, 7, 30])
def test_heun(steps: int) -> None:
    """diffusers ends with a plain step, as turbo models do."""
    scheduler = FlowMatchHeunDiscreteScheduler()
    scheduler.set_timesteps(steps)
    x = theirs = randn(2, 20, 8, seed=1)
    for t in scheduler.timesteps:
        theirs = scheduler.step(law(theirs, float(t) / 1000), t, theirs).prev_sample
    times = list(dict.fromkeys(scheduler.sigmas.tolist()))
    *_, ours = solve(Plan(times, heun=True, turbo=True), x, lambda x, i, guided: (law(x, times[i]),))
    agree("Heun", ours, theirs, AUDIO)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_fresh_noise_at_every_step(shift: float) -> None:
    """The control guide's pingpong, which is the published sde."""
    times = schedule(6, shift)
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, stochastic_sampling=True)
    scheduler.set_timesteps(sigmas=times[:-1])
    x = theirs = randn(2, 20, 8, seed=1)
    generator = torch.Generator().manual_seed(7)
    for i, t in enumerate(scheduler.timesteps):
        theirs = scheduler.step(law(theirs, times[i]), t, theirs, generator=generator).prev_sample
    drawn = torch.Generator().manual_seed(7)
    noises = [torch.randn(x.shape, generator=drawn) for _ in times[1:]]
    *_, ours = solve(Plan(times, "sde"), x, lambda x, i, guided: (law(x, times[i]),), lambda step: noises[step])
    agree("SDE", ours, theirs, NETWORK)
