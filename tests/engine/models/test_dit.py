"""The transformer: each shortcut against the long way round, and the parts of a batch against themselves alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import FULL, SLIDING, DiTConfig
from engine.models import dit as dit_module
from engine.models import primitives
from engine.models.attention import attend
from engine.models.dit import DiT, Memory, Time
from engine.models.loading import settle, slots
from engine.testing.weights import random_tensor

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = DiTConfig(
    hidden_size=48,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    encoder_hidden_size=32,
    encoder_num_attention_heads=2,
    encoder_num_key_value_heads=1,
    encoder_intermediate_size=40,
    sliding_window=6,
    layer_types=(SLIDING, FULL, SLIDING),
    in_channels=15,
    audio_acoustic_hidden_dim=5,
    timbre_hidden_dim=5,
    fsq_dim=32,
)
"""Shaped like XL: the decoder's width differs from the encoder's, and from heads times their size."""

CHANNELS = 5


def decoder(config: DiTConfig = CONFIG) -> DiT:
    """A decoder with random weights, time embeddings strong enough to matter."""
    model = DiT(config)
    for name, slot in slots(model).items():
        slot.write(random_tensor(f"decoder.{name}", slot.shape, seed=0))
    settle(model)
    return model.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def model() -> DiT:
    return decoder()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def states(length: int, seed: int = 50, batch: int = 1) -> Tensor:
    return random(batch, length, 32, seed=seed)


def context(model: DiT, frames: int, batch: int = 1) -> Tensor:
    source = random(batch, frames, CHANNELS, seed=60)
    return model.patch_in.context(source, torch.ones_like(source))


def near(actual: Tensor, expected: Tensor, tolerance: float = 2e-6) -> None:
    """Equal up to rounding, relative to the largest value."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


# --- patches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patch", [1, 2, 3])
@pytest.mark.parametrize("frames", [1, 2, 5, 6, 31])
def test_the_split_patch_projection_is_the_whole_convolution(patch: int, frames: int) -> None:
    """Source first, then mask, then latents; a last incomplete patch is filled with zeros."""
    patches = decoder(replace(CONFIG, patch_size=patch)).patch_in
    source, mask, x = (random(2, frames, CHANNELS, seed=seed) for seed in range(3))
    whole = F.pad(torch.cat((source, mask, x), dim=2), (0, 0, 0, -frames % patch))
    expected = F.conv1d(whole.transpose(1, 2), patches.weight, patches.bias, stride=patch).transpose(1, 2)
    near(patches.context(source, mask) + patches(x), expected)


@pytest.mark.parametrize("patch", [1, 2, 3])
def test_the_last_projection_is_the_transposed_convolution(patch: int) -> None:
    out, h = decoder(replace(CONFIG, patch_size=patch)).patch_out, random(2, 7, 48)
    expected = F.conv_transpose1d(h.transpose(1, 2), out.weight, out.bias, stride=patch).transpose(1, 2)
    near(out(h), expected)


@pytest.mark.parametrize("frames", [1, 3, 9, 41])
def test_an_odd_length_is_an_even_one_with_a_frame_of_zeros(model: DiT, frames: int) -> None:
    """Zeros in all three parts; the frame that stands on them is cut off again."""
    source, x = random(1, frames, CHANNELS, seed=1), random(1, frames, CHANNELS, seed=2)
    time, memory = model.time(torch.tensor([0.7])), model.remember(states(4))

    def run(source: Tensor, mask: Tensor, x: Tensor) -> Tensor:
        return model(x, time, model.patch_in.context(source, mask), [memory])

    longer = (F.pad(part, (0, 0, 0, 1)) for part in (source, torch.ones_like(source), x))
    out = run(source, torch.ones_like(source), x)
    assert out.shape == x.shape
    near(out, run(*longer)[:, :frames])


# --- time ------------------------------------------------------------------------------------------------------------


def test_times_are_embedded_as_published(model: DiT) -> None:
    """Cosines first, of 1000 t; and the second embedder's answer to t - r = 0 is added to every one."""

    def embedded(part: torch.nn.Module, t: float) -> tuple[Tensor, Tensor]:
        frequency = [math.exp(-math.log(10000) * i / 128) for i in range(128)]
        waves = [math.cos(1000 * t * f) for f in frequency] + [math.sin(1000 * t * f) for f in frequency]
        emb = part.linear_2(F.silu(part.linear_1(torch.tensor(waves))))
        return emb, part.time_proj(F.silu(emb)).view(6, -1)

    times = [1.0, 0.9545454545454546, 0.3, 0.0]
    actual = model.time(torch.tensor(times))
    for i, t in enumerate(times):
        emb, proj = embedded(model.time_embed, t)
        emb_r, proj_r = embedded(model.time_embed_r, 0.0)
        near(actual.emb[i], emb + emb_r, 1e-4)  # the angle 1000 t is float32: known to 6e-5
        near(actual.proj[i], proj + proj_r, 1e-4)


def test_a_step_is_a_row_of_all_times(model: DiT) -> None:
    times = model.time(torch.tensor([1.0, 0.5, 0.0]))
    near(times.step(1).emb, model.time(torch.tensor([0.5])).emb)
    near(times.step(1).proj, model.time(torch.tensor([0.5])).proj)
    assert times.step(2).emb.shape == (1, 48)


def test_a_time_for_every_item(model: DiT) -> None:
    """As in training, where every item of a batch has its own."""
    t, x = torch.tensor([1.0, 0.4, 0.1]), random(3, 13, CHANNELS)
    memory, around = model.remember(states(4)), context(model, 13)
    together = model(x, model.time(t), around, [memory])
    for i in range(3):
        near(together[i], model(x[i : i + 1], model.time(t[i : i + 1]), around, [memory])[0])
    same = model(x, model.time(torch.full((3,), 0.4)), around, [memory])
    near(same, model(x, model.time(torch.tensor([0.4])), around, [memory]))


# --- memories --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 17])
def test_the_unconditional_prompt_is_one_row_repeated(model: DiT, length: int) -> None:
    """All keys are alike, so attention gives the one value whatever it is asked."""
    null, x = random(1, 1, 32, seed=9), random(2, 13, CHANNELS)
    time, around = model.time(torch.tensor([0.6])), context(model, 13)
    repeated = model.remember(null.expand(1, length, -1))
    near(model(x, time, around, [model.remember_null(null)]), model(x, time, around, [repeated]))


def repeated(memory: Memory, batch: int) -> Memory:
    return Memory(
        tuple(k.repeat(batch, 1, 1, 1) for k in memory.keys), tuple(v.repeat(batch, 1, 1, 1) for v in memory.values)
    )


def test_one_prompt_for_a_batch_is_a_prompt_for_each(model: DiT) -> None:
    x, memory = random(3, 13, CHANNELS), model.remember(states(7))
    time, around = model.time(torch.tensor([0.6])), context(model, 13)
    shared = model(x, time, around, [memory])
    near(shared, model(x, time, around, [repeated(memory, 3)]))
    for i in range(3):
        near(shared[i : i + 1], model(x[i : i + 1], time, around, [memory]))


def test_prompts_that_differ_within_a_batch(model: DiT) -> None:
    x, prompts = random(3, 13, CHANNELS), states(7, batch=3)
    time, around = model.time(torch.tensor([0.6])), context(model, 13)
    together = model(x, time, around, [model.remember(prompts)])
    for i in range(3):
        near(together[i : i + 1], model(x[i : i + 1], time, around, [model.remember(prompts[i : i + 1])]))


def test_several_memories_are_parts_of_the_batch(model: DiT) -> None:
    """Conditional items first, then unconditional; prompts of different lengths need no padding."""
    x, time, around = random(6, 13, CHANNELS), model.time(torch.tensor([0.6])), context(model, 13)
    memories = [model.remember(states(7)), model.remember_null(random(1, 1, 32, seed=9)), model.remember(states(3))]
    together = model(x, time, around, memories)
    for part, memory, expected in zip(x.chunk(3), memories, together.chunk(3), strict=True):
        near(model(part, time, around, [memory]), expected)


def test_a_memory_holds_normalised_keys_of_every_layer(model: DiT) -> None:
    memory = model.remember(states(7))
    assert len(memory.keys) == len(memory.values) == CONFIG.num_hidden_layers
    embedded = model.condition_embedder(states(7))
    for layer, keys, values in zip(model.layers, memory.keys, memory.values, strict=True):
        k, v = layer.cross_attn.kv(embedded).view(1, 7, 4, 8).split(2, dim=2)
        k = k / k.square().mean(-1, keepdim=True).add(CONFIG.rms_norm_eps).sqrt() * layer.cross_attn.k_norm.weight
        near(keys, k.transpose(1, 2))
        near(values, v.transpose(1, 2))


# --- the whole -------------------------------------------------------------------------------------------------------


def test_positions_can_be_made_once(model: DiT) -> None:
    x, time, around = random(1, 13, CHANNELS), model.time(torch.tensor([0.6])), context(model, 13)
    memory = model.remember(states(7))
    assert torch.equal(model(x, time, around, [memory]), model(x, time, around, [memory], model.rotary(13)))


def test_a_context_for_every_item(model: DiT) -> None:
    x, time, memory = random(3, 13, CHANNELS), model.time(torch.tensor([0.6])), model.remember(states(7))
    arounds = context(model, 13, batch=3)
    together = model(x, time, arounds, [memory])
    for i in range(3):
        near(together[i : i + 1], model(x[i : i + 1], time, arounds[i : i + 1], [memory]))


def test_the_first_layer_sees_a_window_and_the_second_everything() -> None:
    """Which output frames a change of one latent frame reaches: patches within the window, then all."""
    frames, changed = 80, 40
    x = random(1, frames, CHANNELS)
    other = x.clone()
    other[0, changed] += 1

    def reached(config: DiTConfig) -> set[int]:
        model = decoder(config)
        time, memory, around = model.time(torch.tensor([0.6])), model.remember(states(3)), context(model, frames)
        a, b = (model(latents, time, around, [memory]) for latents in (x, other))
        return set((a != b).any(-1)[0].nonzero().flatten().tolist())

    patch, window = changed // 2, CONFIG.sliding_window
    near_patches = range(patch - window, patch + window + 1)
    assert reached(replace(CONFIG, num_hidden_layers=1)) == {2 * p + i for p in near_patches for i in range(2)}
    assert reached(replace(CONFIG, num_hidden_layers=2)) == set(range(frames))


def test_no_attention_score_passes_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax without a maximum is safe only because of this; weights are sharpened until bounds differ by layer."""
    model = decoder()
    for number, layer in enumerate(model.layers):
        for part in (layer.self_attn, layer.cross_attn):
            part.q_norm.weight.mul_(1 + number)
    settle(model)
    reached: list[tuple[float, float]] = []

    def spy(q: Tensor, k: Tensor, v: Tensor, *, bound: float, **how: Any) -> Tensor:
        group = q.shape[1] // k.shape[1]
        scores = q @ k.repeat_interleave(group, dim=1).transpose(2, 3) / math.sqrt(q.shape[3])
        reached.append((float(scores.abs().max()), bound))
        return attend(q, k, v, bound=bound, **how)

    monkeypatch.setattr(primitives, "attend", spy)
    monkeypatch.setattr(dit_module, "attend", spy)
    for seed in range(5):
        x = random(2, 61, CHANNELS, seed=seed) * 10**seed
        model(x, model.time(torch.tensor([0.5])), context(model, 61), [model.remember(states(40, seed=seed))])
    assert len(reached) == 5 * 2 * CONFIG.num_hidden_layers
    assert all(score <= bound * (1 + 1e-6) for score, bound in reached)
    assert len({bound for _, bound in reached}) == 2 * CONFIG.num_hidden_layers
    assert max(score / bound for score, bound in reached) > 0.5


def test_training_takes_the_same_way_and_every_weight_learns() -> None:
    model = decoder()
    x, t, prompts = random(2, 13, CHANNELS), torch.tensor([0.9, 0.2]), states(7, batch=2)

    def run() -> Tensor:
        return model(x, model.time(t), context(model, 13), [model.remember(prompts)])

    with torch.no_grad():
        quiet = run()
    model.requires_grad_(True)
    out = run()
    near(out.detach(), quiet)
    out.square().sum().backward()
    idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0}
    assert not idle
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_gradient_of_the_latents_is_the_slope() -> None:
    model = decoder()
    x, direction = random(1, 13, CHANNELS).requires_grad_(), random(1, 13, CHANNELS, seed=3) * 1e-2
    time, memory, around = model.time(torch.tensor([0.6])), model.remember(states(7)), context(model, 13)

    def loss(x: Tensor) -> Tensor:
        return model(x, time, around, [memory]).double().sum()

    (gradient,) = torch.autograd.grad(loss(x), x)
    with torch.no_grad():
        slope = (loss(x + direction) - loss(x - direction)) / 2
    assert float(slope) == pytest.approx(float((gradient * direction).sum()), rel=1e-2)


def test_sizes_come_from_the_config() -> None:
    """Odd sizes of everything that a config may change."""
    config = replace(
        CONFIG, num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=3, head_dim=6, patch_size=3
    )
    model = decoder(config)
    time = model.time(torch.tensor([0.6]))
    assert isinstance(time, Time)
    out = model(random(1, 8, CHANNELS), time, context(model, 8), [model.remember(states(2))])
    assert out.shape == (1, 8, CHANNELS)
    assert out.isfinite().all()
