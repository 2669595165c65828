"""Trains the way from codes back to latents on what becomes of them: what the transformer makes of its source.

The transformer stays as it is. It follows a source that is music; the mean of all latents that a code stands for is no
music, and it makes nothing of that. So what codes come to is taught by the transformer's own mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from engine.tasks import FROM_CODES
from tools.nano.codes import decoded, tokenised
from tools.nano.flow import Batch, times
from tools.nano.material import Material, prompts
from tools.nano.networks import Networks, matrices
from tools.nano.optimise import Optimiser, Rate, half_precision
from tools.nano.slices import Average, Learner

_MUSIC_SECONDS = 80.0


class FollowTrainer(Learner):
    """Flow matching with songs' own codes for a source; only the codes' decoder is moved."""

    def __init__(self, networks: Networks, material: Material, silence: Tensor, steps: int, seed: int) -> None:
        self.networks, self.material, self.silence, self.seed = networks, material, silence, seed
        networks.modules.requires_grad_(False)
        modules = nn.ModuleDict({"detokenizer": networks.acestep.detokenizer}).requires_grad_(True)
        optimiser = Optimiser(modules, matrices(modules), Rate(1.5e-3, warm=20, cool=steps // 3))
        super().__init__(modules, optimiser, Average(modules, horizon=100), steps)

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch of songs at random times."""
        rng = np.random.default_rng([self.seed + 6, index])
        shard, chosen = self.material.batch(rng, _MUSIC_SECONDS)
        clean = shard.latents[torch.from_numpy(chosen)].float().to(self.silence.device)
        words = [prompts(shard.song(int(number)), rng, FROM_CODES) for number in chosen]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        t = times(rng, clean.shape[0]).to(clean.device)
        at = t.view(-1, 1, 1)
        decoder = self.networks.acestep.decoder
        with half_precision(clean.device):
            batch = self._encoded(clean, words)
            made = decoder(at * noise + (1 - at) * clean, decoder.time(t), batch.context, batch.memories, batch.rotary)
        each = (made.float() - (noise - clean)).square().mean(dim=(1, 2))
        loss = each.mean()
        norm = self.learn(loss, index)
        figures = {"loss": loss.detach(), "norm": norm}
        high = each[t > 0.7].detach()
        return figures | ({"high": high.mean()} if len(high) else {})

    def _encoded(self, clean: Tensor, words: list[tuple[str, str]]) -> Batch:
        """Songs through their codes as a source; gradients reach the codes' decoder alone."""
        acestep, networks = self.networks.acestep, self.networks
        frames = acestep.decoder.config.timbre_fix_frame
        with torch.no_grad():
            codes = tokenised(acestep, clean, self.silence)
            clip = self.silence[0].repeat(-(-frames // self.silence.shape[1]), 1)[:frames].unsqueeze(0)
            captions, lyrics = ([pair[place] for pair in words] for place in (0, 1))
            memories = networks.memories(networks.states(captions, lyrics, clip, [0] * len(words)))
        source = decoded(acestep, codes)[:, : clean.shape[1]]
        context = acestep.decoder.patch_in.context(source, torch.ones_like(source))
        return Batch(clean, context, memories, acestep.decoder.rotary(clean.shape[1]))
