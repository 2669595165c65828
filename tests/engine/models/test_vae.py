"""The VAE: rows against the published convolutions, tiles against the whole, and what either costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.config import VAEConfig
from engine.models.loading import settle, slots
from engine.models.oobleck import Conv, DecoderBlock, EncoderBlock, Pointwise, ResidualUnit, Snake, Upsample
from engine.models.vae import VAE, Tiling
from engine.testing.weights import random_tensor

pytestmark = pytest.mark.usefixtures("one_thread")

NARROW = VAEConfig(
    encoder_hidden_size=6, decoder_input_channels=3, decoder_channels=4, channel_multiples=(1, 1, 2, 2, 3)
)
"""The official strides at a fraction of the widths."""

SHORT = VAEConfig(
    encoder_hidden_size=6,
    decoder_input_channels=3,
    decoder_channels=4,
    channel_multiples=(1, 2),
    downsampling_ratios=(2, 6),
)
"""A hop of 12, for many lengths in little time."""

_NARROWER = 32
SLENDER = VAEConfig(encoder_hidden_size=4, decoder_input_channels=2, decoder_channels=4)
"""Every width of the official network over 32: the same rows, and the same share of the work at every level."""

WHOLE = Tiling(1_000_000, None)

M = TypeVar("M", bound=nn.Module)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def weighted(module: M, dtype: torch.dtype = torch.float32) -> M:
    """The module with random weights under which signals keep their scale."""
    for name, slot in slots(module).items():
        scale = 0.5 if ".res_unit" in name or name.startswith("conv") else 1.0
        slot.write(random_tensor(name, slot.shape, seed=0) * scale)
    module.to(dtype).requires_grad_(False)
    settle(module)
    return module


@pytest.fixture(scope="module")
def narrow() -> VAE:
    return weighted(VAE(NARROW))


@pytest.fixture(scope="module")
def short() -> VAE:
    return weighted(VAE(SHORT), torch.float64)


def near(actual: Tensor, expected: Tensor, tolerance: float = 1e-6) -> None:
    """Equal up to rounding, relative to the largest value."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


# --- layers ----------------------------------------------------------------------------------------------------------


def snaked(snake: Snake, x: Tensor) -> Tensor:
    """On ``[B, channels, rows]``, as published."""
    return x + torch.sin(x * snake.alpha.exp()) ** 2 / (snake.beta.exp() + 1e-9)


def unit_by_definition(unit: ResidualUnit, x: Tensor) -> Tensor:
    reach = unit.conv1.padding
    y = F.conv1d(snaked(unit.snake1, x), unit.conv1.weight, unit.conv1.bias, padding=reach, dilation=reach // 3)
    return x + F.conv1d(snaked(unit.snake2, y), unit.conv2.weight, unit.conv2.bias)


def units_by_definition(block: DecoderBlock | EncoderBlock, x: Tensor) -> Tensor:
    assert [unit.conv1.dilation for unit in (block.res_unit1, block.res_unit2, block.res_unit3)] == [1, 3, 9]
    for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
        x = unit_by_definition(unit, x)
    return x


def decoded_by_definition(vae: VAE, latents: Tensor) -> Tensor:
    """``[B, T, 64]`` to ``[B, channels, samples]`` through torch's own convolutions, all at once."""
    decoder = vae.decoder
    x = F.conv1d(latents.transpose(1, 2), decoder.conv1.weight, decoder.conv1.bias, padding=3)
    for block in decoder.block:
        s = block.stride
        x = F.conv_transpose1d(
            snaked(block.snake1, x), block.conv_t1.weight, block.conv_t1.bias, stride=s, padding=s // 2
        )
        x = units_by_definition(block, x)
    return F.conv1d(snaked(decoder.snake1, x), decoder.conv2.weight, None, padding=3)


def encoded_by_definition(vae: VAE, audio: Tensor) -> Tensor:
    """``[B, channels, samples]`` to mean and raw scale ``[B, T, 128]``, all at once."""
    encoder = vae.encoder
    x = F.conv1d(audio, encoder.conv1.weight, encoder.conv1.bias, padding=3)
    for block in encoder.block:
        s = block.stride
        x = snaked(block.snake1, units_by_definition(block, x))
        x = F.conv1d(x, block.conv1.weight, block.conv1.bias, stride=s, padding=s // 2)
    return F.conv1d(snaked(encoder.snake1, x), encoder.conv2.weight, encoder.conv2.bias, padding=1).transpose(1, 2)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_decoding_is_the_published_network(narrow: VAE, frames: int) -> None:
    latents = random(2, frames, 3)
    expected = decoded_by_definition(narrow, latents)
    assert expected.shape == (2, 2, frames * 1920)
    near(narrow.decode(latents), expected, 5e-6)


@pytest.mark.parametrize("samples", [1920, 1921, 3839, 3 * 1920 + 700])
def test_encoding_is_the_published_network(narrow: VAE, samples: int) -> None:
    """A frame for every whole 1920 samples; what is left over at the end is heard by the last ones, as published."""
    audio = random(2, 2, samples)
    mean, scale = encoded_by_definition(narrow, audio).chunk(2, dim=2)
    assert mean.shape == (2, samples // 1920, 3)
    near(narrow.encode(audio), mean, 5e-6)
    means, spread = narrow.statistics(audio)
    assert torch.equal(means, narrow.encode(audio))
    near(spread, F.softplus(scale) + 1e-4, 5e-6)


@pytest.mark.parametrize("stride", [2, 4, 6, 10])
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_an_upsampling_is_a_transposed_convolution(stride: int, rows: int) -> None:
    up, x = weighted(Upsample(3, 5, stride)), random(2, rows, 3)
    expected = F.conv_transpose1d(x.transpose(1, 2), up.weight, up.bias, stride=stride, padding=stride // 2)
    near(up(x), expected.transpose(1, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_snake_is_its_definition(dtype: torch.dtype) -> None:
    snake, x = weighted(Snake(8), dtype), random(2, 50, 8).to(dtype)
    with torch.no_grad():
        error = snake(x).double() - snaked(snake.double(), x.double().transpose(1, 2)).transpose(1, 2)
    assert float(error.square().mean().sqrt()) < 2 * torch.finfo(dtype).eps * float(x.double().square().mean().sqrt())


def layers() -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """Every kind of layer with something to put in, tiny and in float64."""
    x = random(2, 6, 3).double()
    return {
        "snake": (Snake(3), (x,)),
        "convolution": (Conv(3, 2, 7, padding=9, dilation=3), (x,)),
        "downsampling": (Conv(3, 2, 4, stride=2, padding=1), (x,)),
        "pointwise": (Pointwise(3), (x, random(2, 6, 3, seed=1).double())),
        "upsampling": (Upsample(3, 2, 4), (x,)),
        "residual unit": (ResidualUnit(3, 3), (x,)),
        "decoder block": (DecoderBlock(3, 2, 2), (x,)),
        "encoder block": (EncoderBlock(3, 2, 2), (x,)),
    }


@pytest.mark.parametrize("case", layers())
def test_watched_and_unwatched_layers_are_the_same(case: str) -> None:
    """Inference works in place where autograd would need what it overwrites; neither touches its input."""
    module, inputs = layers()[case]
    weighted(module, torch.float64)
    kept = [x.clone() for x in inputs]
    watched = module(*(x.requires_grad_() for x in inputs))
    assert watched.requires_grad
    with torch.no_grad():
        unwatched = module(*(x.detach() for x in inputs))
    torch.testing.assert_close(unwatched, watched.detach(), rtol=1e-12, atol=1e-12)
    assert all(torch.equal(x, before) for x, before in zip(inputs, kept, strict=True))


@pytest.mark.parametrize("case", layers())
def test_layers_pass_gradcheck(case: str) -> None:
    module, inputs = layers()[case]
    weighted(module, torch.float64)
    assert torch.autograd.gradcheck(module, tuple(x.requires_grad_() for x in inputs))


@pytest.mark.parametrize("case", layers())
def test_every_weight_of_a_layer_learns(case: str) -> None:
    module, inputs = layers()[case]
    weighted(module, torch.float64).requires_grad_(True)
    module(*inputs).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in module.parameters())


# --- tiles -----------------------------------------------------------------------------------------------------------

TILINGS = [Tiling(frames, elements) for frames in (1, 3, 7, 32) for elements in (None, 1, 5000)]


@pytest.mark.parametrize("tiling", TILINGS, ids=str)
def test_any_tiling_decodes_the_same(short: VAE, tiling: Tiling) -> None:
    for frames in (1, 2, 5, 33, 150):
        latents = random(1, frames, 3).double()
        near(short.decode(latents, tiling), short.decode(latents, WHOLE), 1e-12)


@pytest.mark.parametrize("tiling", TILINGS, ids=str)
def test_any_tiling_encodes_the_same(short: VAE, tiling: Tiling) -> None:
    for samples in (12, 23, 24, 60, 400, 1805):
        audio = random(1, 2, samples).double()
        near(short.encode(audio, tiling), short.encode(audio, WHOLE), 1e-12)


@pytest.mark.parametrize("tiling", [Tiling(1, None), Tiling(8, 40_000), Tiling.decoding(torch.device("cpu"))], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 3e-6)], ids=str)
def test_any_tiling_is_the_same_at_the_official_strides(tiling: Tiling, dtype: torch.dtype, tolerance: float) -> None:
    """Exactly; in float32 a shorter matrix product may sum in another order, so each of some 30 layers may round."""
    vae, latents = weighted(VAE(NARROW), dtype), random(2, 21, 3).to(dtype)
    audio = vae.decode(latents, WHOLE)
    near(vae.decode(latents, tiling), audio, tolerance)
    near(vae.encode(audio, tiling), vae.encode(audio, WHOLE), tolerance)


def test_tiles_come_in_order_and_are_of_the_size_asked_for(narrow: VAE) -> None:
    tiles = list(narrow.decode_tiles(random(1, 11, 3), Tiling(4, None)))
    assert [tile.shape for tile in tiles] == [(1, 2, 4 * 1920), (1, 2, 4 * 1920), (1, 2, 3 * 1920)]
    frames = list(narrow.encode_tiles(random(1, 2, 11 * 1920 + 5), Tiling(4, None)))
    assert [tile.shape for tile in frames] == [(1, 4, 6), (1, 4, 6), (1, 3, 6)]


def test_a_tile_that_is_too_much_for_the_memory_is_halved_and_that_is_remembered(
    short: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = torch.randn(1, 200, SHORT.decoder_input_channels, dtype=torch.float64)
    whole = short.decode(latents, Tiling(200, None))
    produce, hop, asked = short.decoder.produce, SHORT.hop, []

    def scarce(x: Tensor, lengths: list[int], start: int, stop: int, elements: int | None) -> Tensor:
        asked.append((stop - start) // hop)
        if asked[-1] > 50:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return produce(x, lengths, start, stop, elements)

    monkeypatch.setattr(short.decoder, "produce", scarce)
    monkeypatch.setattr(short, "tiling", Tiling(128, None))
    assert torch.allclose(short.decode(latents), whole, atol=1e-12)
    assert asked[:3] == [128, 64, 32]
    assert short.tiling == Tiling(32, None)
    monkeypatch.setattr(short.decoder, "produce", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(torch.OutOfMemoryError):
        short.decode(latents)


def test_tiles_are_made_when_they_are_asked_for(narrow: VAE) -> None:
    done = []
    handle = narrow.decoder.conv2.register_forward_hook(lambda *_: done.append(1))
    tiles = narrow.decode_tiles(random(1, 10, 3), Tiling(2, None))
    assert len(done) == 0
    next(tiles)
    assert len(done) == 1
    handle.remove()


def test_items_of_a_batch_never_mix(narrow: VAE) -> None:
    latents = random(3, 8, 3)
    together = narrow.decode(latents)
    for i in range(3):
        near(together[i : i + 1], narrow.decode(latents[i : i + 1]))


def test_a_latent_frame_is_heard_nine_frames_away_and_no_further() -> None:
    """The receptive field of the official strides, in float64: what tiles need on either side to be exact."""
    vae = weighted(VAE(NARROW), torch.float64)
    latents = random(1, 23, 3).double()
    for changed in (0, 11, 22):
        other = latents.clone()
        other[0, changed] += 10
        differs = (vae.decode(latents, WHOLE) != vae.decode(other, WHOLE)).any(1)[0].view(23, 1920).any(1)
        first, last = max(0, changed - 9), min(22, changed + 9)
        assert differs.nonzero().flatten().tolist() == list(range(first, last + 1))


# --- what it costs ---------------------------------------------------------------------------------------------------

CPU = {"decode": Tiling.decoding(torch.device("cpu")), "encode": Tiling.encoding(torch.device("cpu"))}
SLENDER_TILING = {way: Tiling(cpu.frames, (cpu.elements or 0) // _NARROWER) for way, cpu in CPU.items()}
"""What a CPU uses, so scaled that every piece has the rows that it has at the official widths."""


@pytest.fixture(scope="module")
def slender() -> VAE:
    return weighted(VAE(SLENDER))


def tiles_of(vae: VAE, way: str, seconds: int, tiling: Tiling) -> Iterator[Tensor]:
    if way == "decode":
        return vae.decode_tiles(random(1, 25 * seconds, 2), tiling)
    return vae.encode_tiles(random(1, 2, 48_000 * seconds), tiling)


def cost(vae: VAE, tiles: Iterator[Tensor]) -> tuple[int, int]:
    """Output rows of every convolution, and multiplications, all together, while ``tiles`` are made."""
    rows = multiplications = 0

    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        nonlocal rows, multiplications
        weight = module.weight
        assert isinstance(weight, Tensor)
        rows += output.shape[1]
        # Every input row of a transposed convolution meets all of its weights, every output row of the others.
        multiplications += (inputs[0] if isinstance(module, Upsample) else output).shape[1] * weight.numel()

    handles = [
        part.register_forward_hook(count) for part in vae.modules() if isinstance(part, Conv | Pointwise | Upsample)
    ]
    for _ in tiles:
        pass
    for handle in handles:
        handle.remove()
    return rows, multiplications


@torch.no_grad()
@pytest.mark.parametrize(
    ("way", "more_rows", "more_work"),
    [
        # Blocks begin with few rows and end with many: what a tile's nine frames a side cost is at the cheap end.
        ("decode", 1.02, 1.07),
        # The other way round: seven frames a side are audio, through the dearest levels, so its tiles are longer.
        ("encode", 1.12, 1.12),
    ],
)
def test_what_tiles_compute_twice(slender: VAE, way: str, more_rows: float, more_work: float) -> None:
    """30 s in the tiles that a CPU uses, against all at once."""
    tiled = cost(slender, tiles_of(slender, way, 30, SLENDER_TILING[way]))
    whole = cost(slender, tiles_of(slender, way, 30, WHOLE))
    assert tiled[0] <= more_rows * whole[0]
    assert tiled[1] <= more_work * whole[1]


class Largest(TorchDispatchMode):
    """The elements of the largest tensor that is made, views of others apart."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        fresh = all(returned.alias_info is None for returned in func._schema.returns)
        for value in result if isinstance(result, tuple | list) else (result,):
            if fresh and isinstance(value, Tensor):
                self.elements = max(self.elements, value.numel())
        return result


@torch.no_grad()
@pytest.mark.parametrize("way", ["decode", "encode"])
def test_memory_does_not_grow_with_the_length(slender: VAE, way: str) -> None:
    def largest(seconds: int) -> int:
        tiles = tiles_of(slender, way, seconds, SLENDER_TILING[way])
        with Largest() as seen:
            for _ in tiles:
                pass
        return seen.elements

    assert largest(24) == largest(18)
    # The widest level of these seconds has 4 channels at 48 kHz.
    assert largest(24) < 24 * 48_000 * 4 / 2


def test_the_scale_of_a_snake_may_be_extreme() -> None:
    """A beta so low that its weight would be infinite is held by the published 1e-9."""
    snake = Snake(1).requires_grad_(False)
    snake.beta.fill_(-50.0)
    assert snake(torch.full((1, 1, 1), 0.1)).isfinite().all()
    assert float(snake(torch.zeros(1, 1, 1))) == 0
    assert math.isclose(float(snake(torch.full((1, 1, 1), 0.1))), 0.1 + math.sin(0.1) ** 2 / 1e-9, rel_tol=1e-5)
