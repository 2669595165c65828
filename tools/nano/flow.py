"""Trains the transformer by flow matching, with everything that it will be conditioned on (the base variant)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.models.dit import Memory
from engine.models.primitives import Rotary
from engine.tasks import FROM_CODES, TASKS
from tools.nano.codes import decoded, tokenised
from tools.nano.material import Material, prompts
from tools.nano.networks import Networks, matrices
from tools.nano.optimise import Optimiser, Rate, half_precision
from tools.nano.slices import Average, Learner

MUSIC_SECONDS = 120.0
"""Music a step."""

_TIMBRE = 0.25
_NOTHING_SAID = 0.1
"""How often an item has a reference clip, and how often it has no prompt at all, which is what guidance needs."""

_TASKS = ("text2music", "codes", "cover", "repaint")
_SHARES = (0.8, 0.07, 0.03, 0.1)


@dataclass(frozen=True)
class Batch:
    """What a step trains on."""

    clean: Tensor
    """``[B, T, 64]``."""

    context: Tensor
    """``[B, S, H]``: source and mask, projected."""

    memories: list[Memory]
    rotary: Rotary


@dataclass(frozen=True)
class Item:
    """One song of a batch: source and mask ``[T, 64]``, prompts, perhaps a reference; ``said``: prompted at all."""

    source: Tensor
    mask: Tensor
    caption: str
    lyrics: str
    clip: Tensor | None
    said: bool


@dataclass(frozen=True)
class Unencoded:
    """A batch before any encoder has seen it."""

    clean: Tensor
    items: list[Item]


class Batches:
    """Makes the batch of a step: the same for the same step, however the run was cut."""

    def __init__(self, networks: Networks, material: Material, silence: Tensor, seed: int) -> None:
        self.networks, self.material, self.seed = networks, material, seed
        self.silence, self.device = silence, silence.device

    def texts(self, index: int, *, music: float = MUSIC_SECONDS, drop: float = _NOTHING_SAID) -> Unencoded:
        """Latents, sources and words of a step."""
        rng = np.random.default_rng([self.seed, index])
        shard, chosen = self.material.batch(rng, music)
        clean = shard.latents[torch.from_numpy(chosen)].float().to(self.device)
        length = clean.shape[1]
        silence = self.silence.repeat(1, -(-length // self.silence.shape[1]), 1)[0, :length]
        items = []
        for latents, number in zip(clean, chosen, strict=True):
            task = str(rng.choice(_TASKS, p=_SHARES))
            source, mask, instruction = self._context(task, latents, silence, rng)
            words = prompts(shard.song(int(number)), rng, instruction)
            items.append(Item(source, mask, *words, self._reference(latents, rng), said=bool(rng.random() >= drop)))
        return Unencoded(clean, items)

    def encode(self, batch: Unencoded, networks: Networks) -> Batch:
        """The batch as a set of networks sees it, with gradients into its encoders."""
        acestep, items = networks.acestep, batch.items
        heard, clips = [], [self._silent_clip()]
        for item in items:
            heard.append(0 if item.clip is None else len(clips))
            clips += [] if item.clip is None else [item.clip]
        states = networks.states(
            [item.caption for item in items], [item.lyrics for item in items], torch.stack(clips), heard
        )
        said = [state if item.said else acestep.null_condition_emb for state, item in zip(states, items, strict=True)]
        sources, masks = torch.stack([item.source for item in items]), torch.stack([item.mask for item in items])
        context = acestep.decoder.patch_in.context(sources, masks)
        return Batch(batch.clean, context, networks.memories(said), acestep.decoder.rotary(batch.clean.shape[1]))

    def _context(
        self, task: str, item: Tensor, silence: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, str | None]:
        """Source and mask ``[T, 64]`` and the task's instruction; the table is dit.md 10."""
        everything = torch.ones_like(item)
        if task == "codes":
            with torch.no_grad():
                acestep = self.networks.acestep
                codes = tokenised(acestep, item.unsqueeze(0), self.silence)
                return decoded(acestep, codes)[0, : item.shape[0]], everything, FROM_CODES
        if task == "cover":
            return item, everything, FROM_CODES
        if task == "repaint":
            length = item.shape[0]
            width = int(rng.integers(length // 8, length // 2))
            start = int(rng.integers(0, length - width))
            mask = torch.zeros_like(item)
            mask[start : start + width] = 1.0
            return torch.where(mask > 0, silence, item), mask, TASKS["repaint"].instruction
        return silence, everything, None

    def _reference(self, item: Tensor, rng: np.random.Generator) -> Tensor | None:
        """Now and then a clip of the song itself."""
        frames = self.networks.acestep.decoder.config.timbre_fix_frame
        if rng.random() >= _TIMBRE or item.shape[0] < frames:
            return None
        start = int(rng.integers(0, item.shape[0] - frames + 1))
        return item[start : start + frames]

    def _silent_clip(self) -> Tensor:
        frames = self.networks.acestep.decoder.config.timbre_fix_frame
        return self.silence[0].repeat(-(-frames // self.silence.shape[1]), 1)[:frames]


def times(rng: np.random.Generator, count: int) -> Tensor:
    """Times in (0, 1), most of them where structure is decided rather than detail."""
    return torch.from_numpy(1 / (1 + np.exp(-rng.normal(0.8, 1.2, count)))).float()


class FlowTrainer(Learner):
    """Flow matching: the velocity from clean latents to noise, at random times."""

    def __init__(self, networks: Networks, batches: Batches, steps: int, seed: int) -> None:
        self.networks, self.batches, self.seed = networks, batches, seed
        modules = networks.modules
        # The 5 Hz codec was trained before and stays: codes that were written stay valid.
        networks.acestep.tokenizer.requires_grad_(False)
        networks.acestep.detokenizer.requires_grad_(False)
        self.held = networks.wind_up()
        self.held.still()
        optimiser = Optimiser(modules, matrices(modules), Rate(3e-3, warm=100, cool=steps // 3))
        super().__init__(modules, optimiser, Average(modules, horizon=500), steps)

    def hold(self) -> None:
        """The metronome stays as it was written."""
        self.held.hold()

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch at random times."""
        rng = np.random.default_rng([self.seed + 1, index])
        texts = self.batches.texts(index)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        noise = torch.randn(texts.clean.shape, generator=generator).to(texts.clean.device)
        t = times(rng, texts.clean.shape[0]).to(texts.clean.device)
        at = t.view(-1, 1, 1)
        decoder = self.networks.acestep.decoder
        noisy = at * noise + (1 - at) * texts.clean
        with half_precision(texts.clean.device):
            batch = self.batches.encode(texts, self.networks)
            made = decoder(noisy, decoder.time(t), batch.context, batch.memories, batch.rotary).float()
        each = (made - (noise - texts.clean)).square().mean(dim=(1, 2))
        loss = each.mean()
        norm = self.learn(loss, index)
        high, low = each[t > 0.7].detach(), each[t < 0.3].detach()
        figures = {"loss": loss.detach(), "norm": norm}
        if len(high) and len(low):
            figures |= {"high": high.mean(), "low": low.mean()}
        return figures
