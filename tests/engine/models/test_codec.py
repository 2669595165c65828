"""The codec: every code there and back, the published soft clamp, groups of five that know nothing of each other."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from engine.config import DiTConfig
from engine.models.codec import AudioDetokenizer, AudioTokenizer, Quantizer
from engine.models.loading import build, settle, slots
from engine.testing.weights import random_tensor

pytestmark = pytest.mark.usefixtures("one_thread")

OFFICIAL_LEVELS = (8, 8, 8, 5, 5, 5)
LEVELS = [(3, 4), (2, 5, 3), (8, 7, 2), OFFICIAL_LEVELS]

CONFIG = DiTConfig(
    hidden_size=24,
    intermediate_size=40,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
    in_channels=15,
    audio_acoustic_hidden_dim=5,
    timbre_hidden_dim=5,
    fsq_dim=24,
    fsq_input_levels=(4, 3, 5),
    pool_window_size=5,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def weighted(module: nn.Module) -> nn.Module:
    for name, slot in slots(module).items():
        slot.write(random_tensor(name, slot.shape, seed=0))
    settle(module)
    return module.requires_grad_(False)


def bare(levels: tuple[int, ...]) -> Quantizer:
    """A quantiser whose projections leave level values as they are."""
    quantizer = Quantizer(len(levels), levels).requires_grad_(False)
    for linear in (quantizer.project_in, quantizer.project_out):
        linear.weight.copy_(torch.eye(len(levels)))
        linear.bias.zero_()
    return quantizer


def inverting(levels: tuple[int, ...], size: int) -> Quantizer:
    """A quantiser whose ``project_in`` undoes its ``project_out``, and stretches by a fifth.

    The soft clamp draws values inwards: without the stretch, the outermost of eight levels would become its neighbour.
    """
    quantizer = Quantizer(size, levels).requires_grad_(False)
    quantizer.project_out.weight.copy_(random(size, len(levels)))
    quantizer.project_out.bias.copy_(random(size, seed=1))
    inverse = 1.2 * torch.linalg.pinv(quantizer.project_out.weight)
    quantizer.project_in.weight.copy_(inverse)
    quantizer.project_in.bias.copy_(-inverse @ quantizer.project_out.bias)
    return quantizer


# --- quantising ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", LEVELS, ids=str)
def test_every_code_comes_back(levels: tuple[int, ...]) -> None:
    quantizer = inverting(levels, size=16)
    codes = torch.arange(quantizer.codes)
    assert quantizer.codes == math.prod(levels)
    assert torch.equal(quantizer.encode(quantizer.decode(codes)), codes)


def test_a_code_counts_its_levels_the_first_fastest() -> None:
    levels = (3, 4, 2)
    decoded = bare(levels).decode(torch.arange(24))
    expected = [
        [2 * level / (count - 1) - 1 for level, count in zip((a, b, c), levels, strict=True)]
        for c, b, a in itertools.product(range(2), range(4), range(3))
    ]
    torch.testing.assert_close(decoded, torch.tensor(expected))


def test_the_official_places() -> None:
    """1, 8, 64, 512, 2560, 12800, and 64,000 codes."""
    quantizer = bare(OFFICIAL_LEVELS)
    lowest = quantizer.decode(torch.tensor(0))
    for dimension, place in enumerate((1, 8, 64, 512, 2560, 12800)):
        step = quantizer.decode(torch.tensor(place)) - lowest
        assert step.nonzero().flatten().tolist() == [dimension]
        assert float(step[dimension]) == pytest.approx(2 / (OFFICIAL_LEVELS[dimension] - 1))
    assert quantizer.codes == 64_000


@pytest.mark.parametrize("levels", LEVELS, ids=str)
def test_both_ends_are_reached(levels: tuple[int, ...]) -> None:
    quantizer = bare(levels)
    far = torch.full((len(levels),), 50.0)
    assert quantizer.before_rounding(far).tolist() == [level - 1 for level in levels]
    assert quantizer.before_rounding(-far).tolist() == [0.0] * len(levels)
    assert int(quantizer.encode(far)) == quantizer.codes - 1
    assert int(quantizer.encode(-far)) == 0


def test_the_soft_clamp_is_the_published_one() -> None:
    """``c = 1 + 1/(L-1); z = c tanh(z/c)``, then clipped to [-1, 1] and spread over 0 .. L-1."""
    levels = (8, 5, 2)
    z = torch.linspace(-3, 3, 601)
    actual = bare(levels).before_rounding(z[:, None].expand(-1, 3))
    for column, count in enumerate(levels):
        c = 1 + 1 / (count - 1)
        expected = [(count - 1) * (max(-1.0, min(1.0, c * math.tanh(x / c))) + 1) / 2 for x in z.tolist()]
        torch.testing.assert_close(actual[:, column], torch.tensor(expected), rtol=0, atol=2e-6)


def test_levels_are_the_nearest_and_halves_go_up() -> None:
    quantizer = bare((5,))
    positions = quantizer.before_rounding(torch.linspace(-2, 2, 999)[:, None])[:, 0]
    codes = quantizer.encode(torch.linspace(-2, 2, 999)[:, None])
    assert torch.equal(codes, (positions + 0.5).floor().long())
    assert (codes - positions).abs().max() <= 0.5
    assert int(bare((2,)).encode(torch.zeros(1))) == 1


def test_quantising_is_float32_inside_any_model() -> None:
    """Codes must not depend on the model's dtype: in bfloat16 a boundary would move by half a level."""
    tokenizer = build(lambda: AudioTokenizer(CONFIG), torch.device("cpu"), torch.bfloat16)
    assert {p.dtype for p in tokenizer.quantizer.parameters()} == {torch.float32}
    assert tokenizer.audio_acoustic_proj.weight.dtype == torch.bfloat16
    quantizer = inverting((8, 8), size=4)
    codes = torch.arange(64)
    vectors = quantizer.decode(codes)
    assert vectors.dtype == torch.float32
    assert torch.equal(quantizer.encode(vectors.bfloat16()), quantizer.encode(vectors.bfloat16().float()))


# --- frames to codes -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer() -> AudioTokenizer:
    module = weighted(AudioTokenizer(CONFIG))
    assert isinstance(module, AudioTokenizer)
    return module


@pytest.fixture(scope="module")
def detokenizer() -> AudioDetokenizer:
    module = weighted(AudioDetokenizer(CONFIG))
    assert isinstance(module, AudioDetokenizer)
    return module


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 13])
def test_the_last_group_is_filled_with_the_start_of_silence(tokenizer: AudioTokenizer, frames: int) -> None:
    latents, silence = random(2, frames, 5), random(1, 40, 5, seed=9)
    filled = torch.cat((latents, silence[:, : -frames % 5].expand(2, -1, -1)), dim=1)
    codes = tokenizer(latents, silence)
    assert codes.shape == (2, math.ceil(frames / 5))
    assert codes.dtype == torch.int64
    assert torch.equal(tokenizer.pooled(latents, silence), tokenizer.pooled(filled, torch.zeros(1, 4, 5)))
    assert torch.equal(codes, tokenizer(filled, torch.zeros(1, 4, 5)))


def test_codes_lie_in_their_range(tokenizer: AudioTokenizer) -> None:
    codes = tokenizer(random(4, 200, 5) * 3, random(1, 4, 5))
    assert 0 <= int(codes.min()) < int(codes.max()) < math.prod(CONFIG.fsq_input_levels)


def test_groups_of_five_know_nothing_of_each_other(tokenizer: AudioTokenizer) -> None:
    latents, silence = random(1, 15, 5), random(1, 4, 5)
    other = latents.clone()
    other[:, 5:10] += 1
    changed = (tokenizer.pooled(latents, silence) != tokenizer.pooled(other, silence)).any(-1)
    assert changed.tolist() == [[False, True, False]]


def test_a_code_becomes_five_frames_of_its_own(tokenizer: AudioTokenizer, detokenizer: AudioDetokenizer) -> None:
    codes = torch.tensor([[3, 59, 3, 17]])
    latents = detokenizer(tokenizer.quantizer.decode(codes))
    assert latents.shape == (1, 20, 5)
    parts = [detokenizer(tokenizer.quantizer.decode(codes[:, i : i + 1])) for i in range(4)]
    torch.testing.assert_close(latents, torch.cat(parts, dim=1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(latents[:, :5], latents[:, 10:15], rtol=1e-5, atol=1e-6)


def test_the_five_frames_of_a_code_differ(detokenizer: AudioDetokenizer) -> None:
    """Learned tokens tell them apart; positions alone would not move a constant."""
    frames = detokenizer(random(1, 1, 24))[0]
    assert all(not torch.allclose(a, b, atol=1e-3) for a, b in itertools.combinations(frames, 2))


def test_vectors_come_in_any_dtype(detokenizer: AudioDetokenizer) -> None:
    vectors = random(1, 3, 24)
    assert torch.equal(detokenizer(vectors.double()), detokenizer(vectors))
