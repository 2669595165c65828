"""Velocities of the diffusion transformer, for every way in which its inputs can be shared between steps and items."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.parity.oracle import NETWORK, Twins, agree, randn, their_velocity

pytestmark = pytest.mark.parity

TIMES = (1.0, 0.9545454545454546, 0.3, 0.001)


def states_of(twins: Twins, count: int, batch: int = 1, *, seed: int) -> Tensor:
    """Random condition states ``[batch, count, E]``."""
    return randn(batch, count, twins.config.encoder.hidden_size, seed=seed)


def both_contexts(twins: Twins, frames: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Random source latents and a mask with a hole: projected by ours, and as diffusers wants it."""
    source = twins.latents(frames, batch, seed=11)
    mask = torch.ones_like(source)
    mask[:, frames // 3 : frames // 2] = 0
    return twins.model.networks.decoder.patch_in.context(source, mask), torch.cat((source, mask), dim=-1)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", ["one frame", "inside the window", "a patch beyond it", "far beyond it"])
def test_lengths_batches_and_times(random_twins: Twins, length: str, batch: int) -> None:
    """All times are embedded at once, the context and the prompt are prepared once; odd lengths end in half a patch."""
    window = random_twins.config.sliding_window
    frames = {
        "one frame": 1,
        "inside the window": 2 * window + 1,
        "a patch beyond it": 2 * window + 4,
        "far beyond it": 7 * window + 205,
    }[length]
    decoder = random_twins.model.networks.decoder
    context, their_context = both_contexts(random_twins, frames, batch)
    states = states_of(random_twins, 29, batch, seed=12)
    memory, times = decoder.remember(states), decoder.time(torch.tensor(TIMES))
    rotary = decoder.rotary(frames)
    for step, t in enumerate(TIMES):
        x = random_twins.latents(frames, batch, seed=step)
        ours = decoder(x, times.step(step), context, [memory], rotary)
        theirs = their_velocity(random_twins.pipe, x, torch.full((batch,), t), states, their_context)
        agree("DiT", ours, theirs, NETWORK)


def test_one_prompt_and_one_context_serve_a_batch(random_twins: Twins) -> None:
    """What the items share is stored once; diffusers is given copies."""
    decoder = random_twins.model.networks.decoder
    x = random_twins.latents(131, 3, seed=1)
    context, their_context = both_contexts(random_twins, 131)
    states = states_of(random_twins, 70, seed=2)
    ours = decoder(x, decoder.time(torch.tensor([0.75])), context, [decoder.remember(states)])
    theirs = their_velocity(
        random_twins.pipe, x, torch.full((3,), 0.75), states.expand(3, -1, -1), their_context.expand(3, -1, -1)
    )
    agree("DiT", ours, theirs, NETWORK)


def test_every_item_may_have_its_own_time(random_twins: Twins) -> None:
    decoder = random_twins.model.networks.decoder
    x, t = random_twins.latents(44, 3, seed=1), torch.tensor([0.9, 0.5, 0.1])
    context, their_context = both_contexts(random_twins, 44, 3)
    states = states_of(random_twins, 8, 3, seed=2)
    ours = decoder(x, decoder.time(t), context, [decoder.remember(states)])
    agree("DiT", ours, their_velocity(random_twins.pipe, x, t, states, their_context), NETWORK)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_unconditional_prompt_is_one_vector_a_layer(random_twins: Twins, batch: int) -> None:
    """diffusers attends over the null embedding repeated to the prompt's length; all its rows are alike, so ours adds
    the one value that any attention over them gives."""
    decoder, null = random_twins.model.networks.decoder, random_twins.model.null
    assert null is not None
    x = random_twins.latents(93, batch, seed=3)
    context, their_context = both_contexts(random_twins, 93)
    states = states_of(random_twins, 17, seed=4)
    memories = [decoder.remember(states), decoder.remember_null(null)]
    ours = decoder(x.repeat(2, 1, 1), decoder.time(torch.tensor([0.6])), context, memories)
    their_states = torch.cat((states.expand(batch, -1, -1), null.expand(batch, 17, -1)))
    theirs = their_velocity(
        random_twins.pipe,
        x.repeat(2, 1, 1),
        torch.full((2 * batch,), 0.6),
        their_states,
        their_context.expand(2 * batch, -1, -1),
    )
    agree("DiT", ours, theirs, NETWORK)
