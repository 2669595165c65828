"""Audio to latents and back, over strides, widths and lengths."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from torch import Tensor

from engine.models.vae import Tiling
from tests.parity.oracle import NETWORK, Twins, agree, load_twins, randn, random_config

pytestmark = pytest.mark.parity


@dataclass(frozen=True)
class Shape:
    """What distinguishes one VAE from another."""

    strides: tuple[int, ...]
    multiples: tuple[int, ...]
    latents: int = 8
    width: int = 8
    channels: int = 2

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.strides))}-{self.width}"


SHAPES = (
    Shape((2, 4, 4, 6, 10), (1, 1, 1, 2, 2)),
    Shape((2, 4, 4, 6, 10), (1, 2, 4, 8, 16), latents=2, width=4),
    Shape((2,), (1,)),
    Shape((10, 2), (3, 2), latents=6, width=12),
    Shape((4, 6), (1, 3), width=24, channels=1),
    Shape((8, 2, 4), (2, 1, 4), latents=12, width=20, channels=3),
)
DECODED = (1, 2, 9, 41, 75)
"""Latent frames: less than the receptive field, about it, and several tiles."""


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def vaes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """A VAE of one shape, loaded by both."""
    shape = request.param
    vae = {
        "downsampling_ratios": list(shape.strides),
        "channel_multiples": list(shape.multiples),
        "decoder_channels": shape.width,
        "audio_channels": shape.channels,
    }
    config = random_config(0) | {"audio_acoustic_hidden_dim": shape.latents, "vae": vae}
    return load_twins(tmp_path_factory.mktemp("vae"), config, "turbo", seed=shape.width)


def waves(vaes: Twins, samples: int, batch: int) -> Tensor:
    """Noise at the level of music."""
    return randn(batch, vaes.model.vae.config.audio_channels, samples, seed=samples) * 0.3


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("frames", DECODED)
def test_latents_to_audio(vaes: Twins, frames: int, batch: int) -> None:
    latents = vaes.latents(frames, batch, seed=frames)
    theirs = vaes.pipe.vae.decode(latents.transpose(1, 2)).sample
    agree("VAE decode", vaes.model.vae.decode(latents), theirs, NETWORK)


@pytest.mark.parametrize("tiling", [Tiling(1, None), Tiling(7, 4096), Tiling(512, None)], ids=str)
def test_any_tiling_gives_the_untiled_audio(vaes: Twins, tiling: Tiling) -> None:
    """diffusers decodes in one piece here."""
    latents = vaes.latents(23, seed=1)
    theirs = vaes.pipe.vae.decode(latents.transpose(1, 2)).sample
    agree("VAE decode", vaes.model.vae.decode(latents, tiling), theirs, NETWORK)


@pytest.mark.parametrize(("frames", "batch"), [(1, 1), (2, 3), (9, 1), (9, 3)])
def test_audio_to_latents(vaes: Twins, frames: int, batch: int) -> None:
    """Mean and spread of the latents' distribution."""
    compare_encoded(vaes, waves(vaes, frames * vaes.model.vae.config.hop, batch), frames)


@pytest.mark.parametrize(
    ("frames", "more"), [(1, "one sample"), (5, "a third of a frame"), (1, "all but a sample"), (5, "all but a sample")]
)
def test_a_last_incomplete_frame_gives_no_latents_but_is_heard(vaes: Twins, frames: int, more: str) -> None:
    """The frames before it depend on its samples, as they would if more followed."""
    hop = vaes.model.vae.config.hop
    extra = {"one sample": 1, "a third of a frame": hop // 3, "all but a sample": hop - 1}[more]
    compare_encoded(vaes, waves(vaes, frames * hop + extra, 1), frames)


@pytest.mark.parametrize("tiling", [Tiling(1, None), Tiling(3, 4096), Tiling(512, None)], ids=str)
def test_any_tiling_gives_the_untiled_latents(vaes: Twins, tiling: Tiling) -> None:
    audio = waves(vaes, 8 * vaes.model.vae.config.hop, 1)
    theirs = vaes.pipe.vae.encode(audio).latent_dist.mean.transpose(1, 2)
    agree("VAE encode", vaes.model.vae.encode(audio, tiling), theirs, NETWORK)


def compare_encoded(vaes: Twins, audio: Tensor, frames: int) -> None:
    mean, spread = vaes.model.vae.statistics(audio)
    theirs = vaes.pipe.vae.encode(audio).latent_dist
    assert mean.shape[1] == frames
    agree("VAE encode", mean, theirs.mean.transpose(1, 2), NETWORK)
    agree("VAE encode", spread, theirs.std.transpose(1, 2), NETWORK)
