"""Trains the VAE: first both halves together, then, with the encoder as it is, the decoder alone.

The second part can go on for as long as there is time: latents do not change any more, so whatever was trained on them
stays good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.oobleck import Conv, Pointwise, Snake, Upsample
from engine.models.vae import VAE
from tools.nano.losses import divergence, middle_and_side, spectral_distance, waveform_distance
from tools.nano.music import compose, render
from tools.nano.optimise import Optimiser, Rate, half_precision
from tools.nano.sizes import FRAME
from tools.nano.slices import Average, Learner
from tools.nano.songs import Crops

CROP_FRAMES = 24
BATCH = 4
_KL_WEIGHT = 0.02
"""What a latent carries has its price: a small transformer can only foresee so much of it."""

_DEVIATION_FLOOR = {"both": 0.1, "decoder": 0.2}
"""The decoder's latents are at least this uncertain: so it forgives what a small transformer misses."""

_NEARLY_STRAIGHT = 2.0
"""Snakes begin with waves of e^-2: a nearly linear codec finds the low frequencies at once, and bends later."""

_WAVEFORM_FIRST = 400
"""Steps over which spectra come to count: at once, they teach noise of the right colour, and phase is learnt late."""


def initialise(vae: VAE, seed: int) -> None:
    """Random weights under which every block keeps its input's scale, and residual units begin near the identity."""
    generator = torch.Generator().manual_seed(seed)
    for module in vae.modules():
        if isinstance(module, (Conv, Pointwise, Upsample)):
            fan = 2 * module.weight.shape[0] if isinstance(module, Upsample) else math.prod(module.weight.shape[1:])
            gain = 0.2 if isinstance(module, Pointwise) else 1.0
            values = torch.randn(module.weight.shape, generator=generator) * gain * fan**-0.5
            module.weight.data.copy_(values)
            if isinstance(module.bias, nn.Parameter):
                module.bias.data.zero_()
        elif isinstance(module, Snake):
            module.beta.data.fill_(_NEARLY_STRAIGHT)
    vae.decoder.conv2.weight.data.mul_(0.02)  # music is quiet beside what a network makes of noise


def kernels(vae: VAE) -> list[nn.Parameter]:
    """The convolutions that are trained."""
    convolutions = (part for part in vae.modules() if isinstance(part, (Conv, Pointwise, Upsample)))
    return [part.weight for part in convolutions if part.weight.requires_grad]


def encode(vae: VAE, audio: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation ``[B, T, 64]`` of ``[B, 2, samples]``, all at once and with gradients."""
    rows = audio.transpose(1, 2)
    lengths = vae.encoder.lengths(rows.shape[1])
    mean, scale = vae.encoder.produce(rows, lengths, 0, lengths[-1], None).chunk(2, dim=2)
    return mean, F.softplus(scale) + 1e-4


def decode(vae: VAE, latents: Tensor) -> Tensor:
    """Audio ``[B, 2, samples]`` of ``[B, T, 64]``, all at once and with gradients."""
    lengths = vae.decoder.lengths(latents.shape[1])
    return vae.decoder.produce(latents, lengths, 0, lengths[-1], None).transpose(1, 2)


@torch.no_grad()
def spread(vae: VAE, seeds: range) -> float:
    """The standard deviation of the latents of some songs."""
    device = next(vae.parameters()).device
    songs = (torch.from_numpy(render(compose(seed))).unsqueeze(0).to(device) for seed in seeds)
    return float(torch.cat([vae.encode(song).flatten() for song in songs]).std())


@torch.no_grad()
def rescale(vae: VAE, factor: float) -> None:
    """Multiplies all latents by ``factor``, exactly: the last layer before them and the first after are linear.

    Flow matching goes from unit noise to the latents and is best off where these are as large.
    """
    means = vae.config.decoder_input_channels
    last, first = vae.encoder.conv2, vae.decoder.conv1
    last.weight[:means].mul_(factor)
    first.weight.div_(factor)
    if last.bias is not None:
        last.bias[:means].mul_(factor)
        # Deviations are a softplus, which for those as small as here is an exponential: a factor is a summand inside.
        last.bias[means:].add_(math.log(factor))


class CodecTrainer(Learner):
    """Both halves, or the decoder alone against an encoder that stays as it is."""

    def __init__(self, vae: VAE, part: Literal["both", "decoder"], steps: int, seed: int, device: torch.device) -> None:
        self.vae, self.part, self.seed, self.device = vae.to(device), part, seed, device
        self.crops = Crops(seed, CROP_FRAMES * FRAME)
        self.vae.requires_grad_(part == "both")
        self.vae.decoder.requires_grad_(True)
        peak = 2e-3 if part == "both" else 1e-3
        optimiser = Optimiser(vae, kernels(vae), Rate(peak, warm=50, cool=steps // 5), clip=3.0)
        super().__init__(vae, optimiser, Average(vae, horizon=300), steps)

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch of crops through the codec and back."""
        given = self.crops.batch(index, BATCH).to(self.device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        with torch.set_grad_enabled(self.part == "both"), half_precision(self.device):
            mean, deviation = (part.float() for part in encode(self.vae, given))
        noise = torch.randn(mean.shape, generator=generator).to(self.device)
        with half_precision(self.device):
            made = decode(self.vae, mean + noise * deviation.clamp_min(_DEVIATION_FLOOR[self.part])).float()
        spectral = spectral_distance(middle_and_side(made), middle_and_side(given))
        waveform = waveform_distance(made, given)
        spread = divergence(mean, deviation)
        weight = 0.05 + 0.95 * min(1.0, index / _WAVEFORM_FIRST) if self.part == "both" else 1.0
        loss = weight * spectral + waveform + _KL_WEIGHT * spread
        norm = self.learn(loss, index)
        return {
            "spectral": spectral.detach(),
            "waveform": waveform.detach(),
            "divergence": spread.detach(),
            "latent": mean.detach().std(),
            "norm": norm,
        }
