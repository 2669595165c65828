"""The wavelet correction after a step, DCW (facts: dit.md 17; arXiv 2604.16044)."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Correction:
    """Moves latents away from the clean estimate of the step before, by an amount for each of two bands over time.

    ``mode`` says which: ``low``, ``high``, ``double`` (both), or ``pix`` for no bands at all.
    """

    mode: str = "double"
    scaler: float = 0.05
    high_scaler: float = 0.02

    def __call__(self, x: Tensor, clean: Tensor, t: float) -> Tensor:
        """``x`` ``[B, T, C]`` after the step from time ``t``, whose velocity pointed at ``clean``."""
        away = x - clean
        if self.mode == "pix":
            return x + self.scaler * away
        low, high = self._amounts(t)
        slow = _low_band(away)
        return x + low * slow + high * (away - slow)

    def _amounts(self, t: float) -> tuple[float, float]:
        """How strongly the low and the high band are corrected at time ``t``."""
        if self.mode == "double":
            return t * self.scaler, (1 - t) * self.high_scaler
        return (t * self.scaler, 0.0) if self.mode == "low" else (0.0, (1 - t) * self.scaler)


def _low_band(x: Tensor) -> Tensor:
    """What Haar's scaling function keeps of ``[B, T, C]``: each pair of frames as its mean.

    The transform is linear and orthonormal, so correcting its coefficients and going back is to add shares of the two
    bands. An odd last frame is paired with zeros, as published.
    """
    frames = x.shape[1]
    padded = F.pad(x, (0, 0, 0, frames % 2))
    means = (padded[:, ::2] + padded[:, 1::2]) / 2
    return means.repeat_interleave(2, dim=1)[:, :frames]
