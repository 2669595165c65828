"""Brings the base variant to 8 steps without guidance (the turbo variant).

The student learns to go in one step where the guided teacher goes in two half steps, at the very times it will be run
at. Then it needs no guidance, and half the evaluations a step costs are gone as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.models.dit import DiT
from engine.sampling.schedule import schedule
from tools.nano.flow import Batch, Batches
from tools.nano.networks import Networks, matrices
from tools.nano.optimise import Optimiser, Rate, half_precision
from tools.nano.slices import Average, Learner

STEPS = 8
SHIFTS = (1.0, 2.0, 3.0)
_SHIFT_SHARES = (0.15, 0.15, 0.7)
GUIDANCE = 2.0
_MUSIC_SECONDS = 96.0


class DistilTrainer(Learner):
    """A student of the same size, begun as the teacher."""

    def __init__(self, teacher: Networks, student: Networks, batches: Batches, steps: int, seed: int) -> None:
        """``batches`` must be made with the student's encoders: they are trained along."""
        self.teacher, self.student, self.batches, self.seed = teacher, student, batches, seed
        teacher.modules.requires_grad_(False)
        student.text.requires_grad_(False)  # a set has one text encoder for all its variants
        student.acestep.tokenizer.requires_grad_(False)
        student.acestep.detokenizer.requires_grad_(False)
        self.held = student.wind_up()
        self.held.still()
        modules = student.modules
        optimiser = Optimiser(modules, matrices(modules), Rate(5e-4, warm=50, cool=steps // 2))
        super().__init__(modules, optimiser, Average(modules, horizon=200), steps)

    def hold(self) -> None:
        """The metronome stays as it was written."""
        self.held.hold()

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch, every item at one of the times of a trajectory."""
        rng = np.random.default_rng([self.seed + 3, index])
        texts = self.batches.texts(index, music=_MUSIC_SECONDS)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        noise = torch.randn(texts.clean.shape, generator=generator).to(texts.clean.device)
        grid = schedule(STEPS, float(rng.choice(SHIFTS, p=_SHIFT_SHARES)))
        places = rng.integers(0, STEPS, texts.clean.shape[0])
        now = torch.tensor([grid[place] for place in places], device=noise.device).float()
        then = torch.tensor([grid[place + 1] for place in places], device=noise.device).float()
        at = now.view(-1, 1, 1)
        noisy = at * noise + (1 - at) * texts.clean
        with half_precision(noise.device):
            with torch.no_grad():
                target = self._taught(self.batches.encode(texts, self.teacher), noisy, now, then)
            batch = self.batches.encode(texts, self.student)
            decoder = self.student.acestep.decoder
            made = decoder(noisy, decoder.time(now), batch.context, batch.memories, batch.rotary).float()
        loss = (made - target).square().mean()
        return {"norm": self.learn(loss, index), "loss": loss.detach()}

    @torch.no_grad()
    def _taught(self, batch: Batch, x: Tensor, now: Tensor, then: Tensor) -> Tensor:
        """The mean velocity over two guided half steps of the teacher, ``[B, T, 64]``."""
        middle = (now + then) / 2
        first = self._guided(batch, x, now)
        half = (now - middle).view(-1, 1, 1)
        second = self._guided(batch, x - half * first, middle)
        return (first + second).float() / 2

    def _guided(self, batch: Batch, x: Tensor, t: Tensor) -> Tensor:
        """The teacher's velocity with plain guidance."""
        decoder: DiT = self.teacher.acestep.decoder
        null = decoder.remember_null(self.teacher.acestep.null_condition_emb)
        time = decoder.time(t)
        said = decoder(x, time, batch.context, batch.memories, batch.rotary)
        unsaid = decoder(x, time, batch.context, [null], batch.rotary)
        guided: Tensor = unsaid + GUIDANCE * (said - unsaid)
        return guided
