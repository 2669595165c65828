"""From noise to latents, as each side's pipeline does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.config import DiTConfig
from engine.models.dit import DiT, Memory, Time
from engine.sampling.schedule import schedule
from engine.sampling.solvers import Plan, solve

PROMPT_TOKENS = 600
STEPS = 8
SHIFT = 3.0
EXACT_TIME = 0.5
"""bfloat16 holds this time exactly, and 1000 times it as well, which is what gets embedded (of 0.75 it does not): so
comparing precisions does not measure how the peer rounds time."""


@dataclass(frozen=True)
class Inputs:
    """What one evaluation is given: noise and context ``[B, T, C]``, condition states ``[1, L, E]``, float32."""

    noise: Tensor
    source: Tensor
    mask: Tensor
    states: Tensor

    @classmethod
    def random(cls, config: DiTConfig, frames: int, batch: int, device: torch.device, prompt: int) -> Inputs:
        """The same values for the same sizes; all items of a batch share prompt and context, as a plan's takes do."""
        generator = torch.Generator().manual_seed(frames)
        channels = config.audio_acoustic_hidden_dim

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator).to(device)

        source = draw(1, frames, channels) * 0.5
        states = draw(1, prompt, config.encoder.hidden_size)
        return cls(draw(batch, frames, channels), source, torch.ones_like(source), states)

    def to(self, dtype: torch.dtype) -> Inputs:
        """All of it in a dtype."""
        return Inputs(*(x.to(dtype) for x in (self.noise, self.source, self.mask, self.states)))


# --- ours --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """What the steps of a run share."""

    times: Time
    context: Tensor
    memories: tuple[Memory, ...]


@torch.no_grad()
def prepare(dit: DiT, inputs: Inputs, times: Sequence[float]) -> Prepared:
    """Embeds all times, projects the context, and makes the prompt's keys and values."""
    return Prepared(
        dit.time(torch.tensor(times, device=inputs.noise.device)),
        dit.patch_in.context(inputs.source, inputs.mask),
        (dit.remember(inputs.states),),
    )


@torch.no_grad()
def our_step(dit: DiT, inputs: Inputs, prepared: Prepared) -> Tensor:
    """One velocity of a whole batch: on CPU item by item, as the pipeline does, on a GPU together."""
    rotary = dit.rotary(inputs.noise.shape[1])
    outs = [dit(x, prepared.times.step(0), prepared.context, prepared.memories, rotary) for x in lanes(inputs.noise)]
    return torch.cat(outs)


@torch.no_grad()
def our_sampling(dit: DiT, inputs: Inputs) -> Tensor:
    """Eight steps; preparing them is part of the time. Inputs are in the model's dtype, latents in float32."""
    dtype = inputs.noise.dtype
    times = schedule(STEPS, SHIFT)
    prepared = prepare(dit, inputs, times)
    rotary = dit.rotary(inputs.noise.shape[1])

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, Tensor | None]:
        return dit(x.to(dtype), prepared.times.step(step), prepared.context, prepared.memories, rotary).float(), None

    outs = []
    for x in lanes(inputs.noise.float()):
        for moved in solve(Plan(times, turbo=True), x, velocity):
            x = moved
        outs.append(x)
    return torch.cat(outs)


def lanes(x: Tensor) -> tuple[Tensor, ...]:
    """What is computed at once: single items on CPU, the whole batch elsewhere."""
    return torch.split(x, 1) if x.device.type == "cpu" else (x,)


# --- diffusers ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def peer_step(peer: Any, inputs: Inputs, t: float = EXACT_TIME) -> Tensor:
    """One velocity of a whole batch."""
    batch = len(inputs.noise)
    context = torch.cat((inputs.source, inputs.mask), dim=-1).expand(batch, -1, -1)
    return _peer_velocity(peer, inputs.noise, t, inputs.states.expand(batch, -1, -1), context)


@torch.no_grad()
def peer_sampling(peer: Any, inputs: Inputs) -> Tensor:
    """Eight steps of its scheduler, with everything made anew in each, as ``AceStepPipeline`` does."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    scheduler.set_timesteps(sigmas=schedule(STEPS, SHIFT)[:-1], device=inputs.noise.device)
    batch = len(inputs.noise)
    context = torch.cat((inputs.source, inputs.mask), dim=-1).repeat(batch, 1, 1)
    states = inputs.states.repeat(batch, 1, 1)
    x = inputs.noise
    for t in scheduler.timesteps:
        x = scheduler.step(_peer_velocity(peer, x, float(t), states, context), t, x, return_dict=False)[0]
    return x


def _peer_velocity(peer: Any, x: Tensor, t: float, states: Tensor, context: Tensor) -> Tensor:
    time = t * torch.ones(len(x), device=x.device, dtype=x.dtype)
    out: Tensor = peer(
        hidden_states=x,
        timestep=time,
        timestep_r=time,
        encoder_hidden_states=states,
        context_latents=context,
        return_dict=False,
    )[0]
    return out
