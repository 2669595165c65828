"""Steering with an unconditional prediction (facts: dit.md 14). Velocities are ``[B, T, C]``; items never mix."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

_MOMENTUM = -0.75
_NORM_LIMIT = 2.5
# The published constants say 3.14, not pi; a take made elsewhere depends on it.
_ANGLE_LIMIT = {"adg": 3.14 / 6, "adg_w_norm": 3.14 / 3, "adg_wo_clip": math.inf}


@dataclass
class Guidance:
    """One rule with its scale and interval. APG remembers, so each trajectory has a ``fresh`` one of its own."""

    variant: str
    scale: float
    start: float = 0.0
    stop: float = 1.0
    _momentum: Tensor | None = field(default=None, init=False, repr=False)

    def fresh(self) -> Guidance:
        """The same rule with nothing to remember."""
        return replace(self)

    def active(self, t: float) -> bool:
        """Whether the unconditional branch is needed at time ``t`` (1 is the start of sampling)."""
        return self.scale > 1 and self.start <= t <= self.stop

    def __call__(self, x: Tensor, cond: Tensor, uncond: Tensor, t: float) -> Tensor:
        """The guided velocity at latents ``x`` and time ``t``; advances the momentum."""
        if self.variant == "apg_classic":
            return self._projected(cond, uncond)
        return self.plain(x, cond, uncond, t)

    def plain(self, x: Tensor, cond: Tensor, uncond: Tensor, t: float) -> Tensor:
        """The same without memory: for a solver's second look at a step, whose momentum must not advance twice."""
        if self.variant in _ANGLE_LIMIT and t > 0:
            return angle_domain(x, cond, uncond, t, self.scale, self.variant)
        return uncond + self.scale * (cond - uncond)

    def _projected(self, cond: Tensor, uncond: Tensor) -> Tensor:
        """Adaptive projected guidance: the part of the difference that only scales the prediction is left out."""
        difference = cond - uncond
        if self._momentum is not None:
            difference = difference + _MOMENTUM * self._momentum
        self._momentum = difference
        return cond + (self.scale - 1) * orthogonal(limited(difference), cond)


def limited(difference: Tensor) -> Tensor:
    """Shortens each channel's difference over time to at most 2.5."""
    length = torch.linalg.vector_norm(difference, dim=1, keepdim=True)
    return difference * torch.clamp(_NORM_LIMIT / length, max=1)


def orthogonal(difference: Tensor, cond: Tensor) -> Tensor:
    """What is left of ``difference`` without its part along ``cond``, by channel over time; float64 inside."""
    exact, direction = _exact(difference), F.normalize(_exact(cond), dim=1)
    return (exact - (exact * direction).sum(dim=1, keepdim=True) * direction).to(difference)


def _exact(x: Tensor) -> Tensor:
    """In float64; on the CPU where the device has none."""
    return x.cpu().double() if x.device.type == "mps" else x.double()


def angle_domain(x: Tensor, cond: Tensor, uncond: Tensor, t: float, scale: float, variant: str) -> Tensor:
    """Angle-domain guidance: the clean estimates' angle, frame by frame, is widened by ``scale``; float64 inside."""
    weight = max(scale - 1, 0) + 1e-3
    limit = _ANGLE_LIMIT[variant]
    here = _exact(x)
    with_prompt, without = here - t * _exact(cond), here - t * _exact(uncond)
    cosine = F.cosine_similarity(with_prompt, without, dim=-1).clamp(-1 + 1e-6, 1 - 1e-6).unsqueeze(-1)
    angle = cosine.arccos()
    wide = (weight * angle).clamp(-limit, limit)
    difference = with_prompt - without
    along = (difference * without).sum(-1, keepdim=True) / (without.square().sum(-1, keepdim=True) + 1e-8)
    across = difference - along * without
    sine = angle.sin()
    stretch = torch.where(sine > 1e-3, wide.sin() / sine, torch.full_like(sine, weight))
    clean = wide.cos() * with_prompt + stretch * across
    if variant == "adg_w_norm":
        norm = torch.linalg.vector_norm(with_prompt, dim=1, keepdim=True)
        clean = clean * norm / torch.linalg.vector_norm(clean, dim=1, keepdim=True).clamp(min=1e-12)
    return ((here - clean) / t).to(x)
