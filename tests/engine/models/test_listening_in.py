"""What is overheard of cross-attention is what the layers compute, for the heads that were chosen; nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.config import DiTConfig
from engine.models.dit import DiT
from engine.models.listening_in import attention_to_words, heads_of
from tests.engine.models.test_dit import CONFIG, decoder, random

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES, STEPS = 13, 4
HEADS = {0: (1, 3), 2: (0,)}


@pytest.fixture(scope="module")
def model() -> DiT:
    return decoder()


def overheard(model: DiT, words: slice) -> torch.Tensor:
    latents, silence = random(1, FRAMES, 5)[0], torch.zeros(1, FRAMES, 5)
    context = model.patch_in.context(silence, silence)
    memory = model.remember(random(1, 9, 32, seed=1))
    return attention_to_words(model, latents, context, memory, model.rotary(FRAMES), words, STEPS, HEADS)


def the_long_way(model: DiT) -> torch.Tensor:
    """Every layer's own arithmetic, written out."""
    latents, silence = random(1, FRAMES, 5), torch.zeros(1, FRAMES, 5)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(42))
    x = noise / STEPS + (1 - 1 / STEPS) * latents
    h = model.patch_in(x) + model.patch_in.context(silence, silence)
    memory, time, rotary = model.remember(random(1, 9, 32, seed=1)), model.time(torch.tensor([1 / STEPS])), None
    rotary = model.rotary(FRAMES)
    found = []
    for index, layer in enumerate(model.layers):
        table = (layer.scale_shift_table + time.proj).unsqueeze(2)
        shift, scale, gate, *_ = table.unbind(1)
        from engine.models.primitives import modulated_norm

        normed = modulated_norm(h, layer.self_attn_norm.weight * (1 + scale), shift, layer.eps)
        heard = layer.cross_attn_norm(torch.addcmul(h, layer.self_attn(normed, rotary), gate))
        cross = layer.cross_attn
        q = cross.q_norm(cross.q_proj(heard).unflatten(-1, (cross.heads, cross.dim))).transpose(1, 2)
        keys = memory.keys[index].repeat_interleave(cross.heads // cross.kv_heads, dim=1)
        weights = (q @ keys.transpose(-1, -2) / cross.dim**0.5).softmax(-1)[0]
        found += [weights[head].t() for head in HEADS.get(index, ())]
        h = layer(h, time, rotary, [memory], index)
    return torch.stack(found)


def test_the_chosen_heads_are_heard(model: DiT) -> None:
    found = overheard(model, slice(2, 7))
    assert found.shape == (3, 5, 7)
    torch.testing.assert_close(found, the_long_way(model)[:, 2:7], atol=1e-6, rtol=1e-5)
    whole = overheard(model, slice(0, 9))
    torch.testing.assert_close(whole.sum(dim=1), torch.ones(3, 7))


def test_nothing_stays_in_the_model(model: DiT) -> None:
    overheard(model, slice(0, 9))
    assert not any(layer.cross_attn._forward_pre_hooks for layer in model.layers)


def test_the_heads_of_a_model_are_its_own_or_those_of_the_published_one() -> None:
    assert heads_of(CONFIG) == {}
    assert heads_of(DiTConfig())[3] == (10, 11)
    told = DiTConfig.from_dict({"lyric_alignment_layers_config": {"3": [18, 27], "6": [2], "99": [1]}})
    assert told.lyric_heads == ((3, (18, 27)), (6, (2,)), (99, (1,)))
    assert heads_of(told) == {6: (2,)}  # what the model does not have is left out
    assert heads_of(replace(CONFIG, lyric_heads=((1, (0, 3)),))) == {1: (0, 3)}


@pytest.mark.parametrize("raw", [None, [], "x", {"a": [1]}, {"1": 3}, {"1": [None]}])
def test_what_says_no_heads_says_none(raw: object) -> None:
    assert DiTConfig.from_dict({"lyric_alignment_layers_config": raw, "lyric_heads": 3}).lyric_heads == ()
