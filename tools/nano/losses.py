"""What the codec is trained to keep: the waveform where phase is heard, spectra at several resolutions elsewhere."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

RESOLUTIONS = (2048, 512, 128)
"""FFT sizes; windows are as long, hops a quarter."""

_FLOOR = 1e-3
"""Magnitudes below this (-60 dB of a full-scale partial's, for the window's gain) are as good as silence."""


@cache
def _window(size: int, device: torch.device) -> Tensor:
    window: Tensor = torch.hann_window(size, device=device) / size**0.5
    return window


def magnitudes(x: Tensor, size: int) -> Tensor:
    """STFT magnitudes ``[N, size/2 + 1, frames]`` of signals ``[N, samples]``."""
    spectrum = torch.stft(x, size, size // 4, window=_window(size, x.device), return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()


def spectral_distance(made: Tensor, given: Tensor) -> Tensor:
    """Mean over resolutions of log-magnitude L1 and relative linear L1, for signals ``[N, samples]``."""
    total = made.new_zeros(())
    for size in RESOLUTIONS:
        a, b = magnitudes(made, size), magnitudes(given, size)
        total = total + F.l1_loss((a + _FLOOR).log(), (b + _FLOOR).log()) + (a - b).abs().sum() / (b.sum() + 1.0)
    return total / len(RESOLUTIONS)


def middle_and_side(audio: Tensor) -> Tensor:
    """Stereo ``[B, 2, samples]`` to ``[2B, samples]``: what both channels share, and what tells them apart."""
    left, right = audio.unbind(1)
    return torch.cat(((left + right) / 2, (left - right) / 2))


def waveform_distance(made: Tensor, given: Tensor) -> Tensor:
    """L1 of the samples relative to the given level: ``[B, 2, samples]`` both."""
    return F.l1_loss(made, given) / (given.abs().mean() + 1e-3)


def divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    """KL divergence of the latents from a standard normal, in nats a latent value."""
    return 0.5 * (mean.square() + deviation.square() - 1 - 2 * deviation.log()).mean()
