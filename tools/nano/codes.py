"""Trains the 5 Hz codec: latents to codes and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from engine.model import Acestep
from tools.nano.hearing import BANDS, HEARD, of_shard
from tools.nano.material import Material, Shard
from tools.nano.networks import matrices
from tools.nano.optimise import Optimiser, Rate
from tools.nano.slices import Average, Learner

_MUSIC_SECONDS = 100.0

_LATENTS = 0.3
"""What the latents themselves count for, beside what is heard: most of them cannot be said in 12 bits."""

_BANDS, _NOTES = 2.0, 0.5
"""The beat is to be heard above all: words say the key, and nothing else says where a beat falls."""

_EVEN = 0.3


def tokenised(acestep: Acestep, latents: Tensor, silence: Tensor) -> Tensor:
    """Codes ``[B, N]`` of latents ``[B, T, 64]``."""
    return acestep.tokenizer(latents, silence)  # type: ignore[no-any-return]


def decoded(acestep: Acestep, codes: Tensor) -> Tensor:
    """Latents ``[B, 5N, 64]`` of codes ``[B, N]``."""
    return acestep.detokenizer(acestep.tokenizer.quantizer.decode(codes))  # type: ignore[no-any-return]


def round_trip(acestep: Acestep, latents: Tensor, silence: Tensor) -> tuple[Tensor, Tensor]:
    """Latents ``[B, T, 64]`` through the codes and back, and the levels before rounding ``[B, N, d]``.

    Rounding passes gradients as if it were not there.
    """
    quantizer = acestep.tokenizer.quantizer
    position = quantizer.before_rounding(acestep.tokenizer.pooled(latents, silence))
    rounded = position + ((position + 0.5).floor() - position).detach()
    levels = torch.tensor(quantizer.shape, device=latents.device)
    vector = nn.functional.linear(
        rounded * (2 / (levels - 1)) - 1, quantizer.project_out.weight, quantizer.project_out.bias
    )
    return acestep.detokenizer(vector)[:, : latents.shape[1]], position


class CodesTrainer(Learner):
    """Latents that went through codes come out near, and say what is heard; every level of the codes is used."""

    def __init__(self, acestep: Acestep, material: Material, silence: Tensor, steps: int, seed: int) -> None:
        self.acestep, self.material, self.silence, self.seed = acestep, material, silence, seed
        self.heard: dict[int, Tensor] = {}
        self.listener = nn.Linear(acestep.detokenizer.proj_out.out_features, HEARD)
        with torch.no_grad():
            generator = torch.Generator().manual_seed(seed)
            self.listener.weight.copy_(torch.randn(self.listener.weight.shape, generator=generator) * 0.1)
            self.listener.bias.zero_()
        parts = {"tokenizer": acestep.tokenizer, "detokenizer": acestep.detokenizer, "listener": self.listener}
        modules = nn.ModuleDict(parts).to(silence.device)
        modules.requires_grad_(True)
        optimiser = Optimiser(modules, matrices(modules), Rate(2e-3, warm=50, cool=steps // 3))
        super().__init__(modules, optimiser, Average(modules, horizon=200), steps)

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch of songs."""
        rng = np.random.default_rng([self.seed + 2, index])
        shard, chosen = self.material.batch(rng, _MUSIC_SECONDS)
        songs = torch.from_numpy(chosen)
        latents = shard.latents[songs].float().to(self.silence.device)
        made, position = round_trip(self.acestep, latents, self.silence)
        error = (made - latents).square().mean()
        missed = (self.listener(made) - self._heard(shard)[songs].to(made.device)).square()
        bands, notes = missed[..., :BANDS].mean(), missed[..., BANDS:].mean()
        flat = position.flatten(0, 1)
        uneven = _uneven(flat, self.acestep.tokenizer.quantizer.shape)
        self.learn(_LATENTS * error + _BANDS * bands + _NOTES * notes + _EVEN * uneven, index)
        return {
            "error": error.detach(),
            "bands": bands.detach(),
            "notes": notes.detach(),
            "spread": flat.detach().std(0).mean(),
        }

    def _heard(self, shard: Shard) -> Tensor:
        """What is heard of a shard's songs, reckoned once."""
        if shard.first not in self.heard:
            self.heard[shard.first] = of_shard(shard)
        return self.heard[shard.first]


def _uneven(positions: Tensor, levels: tuple[int, ...]) -> Tensor:
    """How far positions ``[N, d]`` are from being spread evenly over all levels, and from telling one thing each."""
    wide = torch.tensor([((count**2 - 1) / 12) ** 0.5 for count in levels], device=positions.device)
    middle = torch.tensor([(count - 1) / 2 for count in levels], device=positions.device)
    scaled = (positions - middle) / wide
    together = scaled.T @ scaled / scaled.shape[0]
    return (together - torch.eye(len(levels), device=positions.device)).square().mean() + scaled.mean(0).square().mean()
