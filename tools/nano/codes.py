"""Trains the 5 Hz codec: latents to codes and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from engine.model import Acestep
from tools.nano.material import Material
from tools.nano.networks import matrices
from tools.nano.optimise import Optimiser, Rate
from tools.nano.slices import Average, Learner

_MUSIC_SECONDS = 100.0


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
    """Squared error of latents that went through codes, with every level used."""

    def __init__(self, acestep: Acestep, material: Material, silence: Tensor, steps: int, seed: int) -> None:
        self.acestep, self.material, self.silence, self.seed = acestep, material, silence, seed
        modules = nn.ModuleDict({"tokenizer": acestep.tokenizer, "detokenizer": acestep.detokenizer})
        modules.requires_grad_(True)
        optimiser = Optimiser(modules, matrices(modules), Rate(2e-3, warm=50, cool=steps // 3))
        super().__init__(modules, optimiser, Average(modules, horizon=200), steps)

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch of songs."""
        rng = np.random.default_rng([self.seed + 2, index])
        shard, chosen = self.material.batch(rng, _MUSIC_SECONDS)
        latents = shard.latents[torch.from_numpy(chosen)].float().to(self.silence.device)
        made, position = round_trip(self.acestep, latents, self.silence)
        loss = (made - latents).square().mean()
        self.learn(loss, index)
        return {
            "error": loss.detach(),
            "variance": latents.var().detach(),
            "spread": position.detach().flatten(0, 1).std(0).mean(),
        }
