"""Steering with an unconditional prediction (facts: dit.md 14, v1.md 4.4-4.6).

Velocities are ``[B, T, C]``; items never mix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.sampling.window import ALWAYS, Window

# The published constants say 3.14, not pi; a take made elsewhere depends on it.
_ANGLE_LIMIT = {"adg": 3.14 / 6, "adg_w_norm": 3.14 / 3, "adg_wo_clip": math.inf}


@dataclass(frozen=True)
class Constants:
    """The published constants of the rules: APG's three, and how many first steps of CFG-Zero* stand still."""

    momentum: float = -0.75
    norm_threshold: float = 2.5
    eta: float = 0.0
    zero_init_steps: int = 0


@dataclass
class Guidance:
    """One rule with its scale and interval. APG remembers, so each trajectory has a ``fresh`` one of its own.

    With a text and a lyric scale above 1 the guidance is split: each pulls by itself, and ``scale`` only says whether
    there is guidance at all.
    """

    variant: str
    scale: float
    start: float = 0.0
    stop: float = 1.0
    window: Window = ALWAYS
    text_scale: float = 0.0
    lyric_scale: float = 0.0
    constants: Constants = Constants()
    steps: int = 1
    _momenta: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    @property
    def split(self) -> bool:
        """Whether a prediction without the lyrics is needed too."""
        return self.text_scale > 1 and self.lyric_scale > 1

    def fresh(self, steps: int = 1) -> Guidance:
        """The same rule with nothing to remember, for a trajectory of so many steps."""
        return replace(self, steps=steps)

    def forked(self) -> Guidance:
        """The same rule with the same memory, which then goes its own way."""
        fork = replace(self)
        fork._momenta = dict(self._momenta)
        return fork

    def join(self, forks: Sequence[Guidance]) -> None:
        """Remembers what ``forks`` remember on average."""
        for name in forks[0]._momenta:
            self._momenta[name] = torch.stack([fork._momenta[name] for fork in forks]).mean(dim=0)

    def active(self, t: float, step: int = 0) -> bool:
        """Whether the unconditional branch is needed at time ``t`` (1 is the start of sampling) of a step."""
        return self.scale > 1 and self.start <= t <= self.stop and self.window.holds(step, self.steps)

    def __call__(
        self, x: Tensor, cond: Tensor, uncond: Tensor, t: float, *, step: int = 0, wordless: Tensor | None = None
    ) -> Tensor:
        """The guided velocity at latents ``x`` and time ``t``; advances the momentum.

        ``wordless`` is the prediction without the lyrics, where the guidance is split.
        """
        if self.variant == "apg_classic" and wordless is not None:
            lyric = self._projected("lyric", cond, cond - wordless)
            text = self._projected("text", wordless, wordless - uncond)
            return cond + (self.lyric_scale - 1) * lyric + (self.text_scale - 1) * text
        if self.variant == "apg_classic":
            return cond + (self._scale(step) - 1) * self._projected("both", cond, cond - uncond)
        return self.plain(x, cond, uncond, t, step=step, wordless=wordless)

    def plain(
        self, x: Tensor, cond: Tensor, uncond: Tensor, t: float, *, step: int = 0, wordless: Tensor | None = None
    ) -> Tensor:
        """The same without memory: for a solver's second look at a step, whose momentum must not advance twice."""
        if wordless is not None:
            return cond + (self.lyric_scale - 1) * (cond - wordless) + (self.text_scale - 1) * (wordless - uncond)
        scale = self._scale(step)
        if self.variant in _ANGLE_LIMIT and t > 0:
            return angle_domain(x, cond, uncond, t, scale, self.variant)
        if self.variant == "cfg_star":
            if step < self.constants.zero_init_steps:
                return torch.zeros_like(cond)
            uncond = aligned(uncond, cond)
        return uncond + scale * (cond - uncond)

    def _scale(self, step: int) -> float:
        return self.window.scale(self.scale, step, self.steps)

    def _projected(self, name: str, towards: Tensor, difference: Tensor) -> Tensor:
        """Adaptive projected guidance: the part of a difference that only scales the prediction is left out."""
        constants = self.constants
        if name in self._momenta:
            difference = difference + constants.momentum * self._momenta[name]
        self._momenta[name] = difference
        return orthogonal(limited(difference, constants.norm_threshold), towards, constants.eta)


def limited(difference: Tensor, most: float) -> Tensor:
    """Shortens each channel's difference over time to at most ``most``; 0 is no limit."""
    if most <= 0:
        return difference
    length = torch.linalg.vector_norm(difference, dim=1, keepdim=True)
    return difference * torch.clamp(most / length, max=1)


def orthogonal(difference: Tensor, cond: Tensor, eta: float = 0.0) -> Tensor:
    """``difference`` with the share ``eta`` of its part along ``cond``, by channel over time; float64 inside."""
    exact, direction = _exact(difference), F.normalize(_exact(cond), dim=1)
    return (exact - (1 - eta) * (exact * direction).sum(dim=1, keepdim=True) * direction).to(difference)


def aligned(uncond: Tensor, cond: Tensor) -> Tensor:
    """CFG-Zero*'s unconditional prediction: scaled, item by item, to be as near to ``cond`` as it can be."""
    share = (cond * uncond).sum(dim=(1, 2), keepdim=True) / (uncond.square().sum(dim=(1, 2), keepdim=True) + 1e-8)
    return share * uncond


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
