"""Trains the planner to answer as its pages do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from engine.models.planner_lm import PlannerLM
from engine.planner.vocabulary import encode
from tools.nano.music import compose
from tools.nano.networks import matrices
from tools.nano.optimise import Optimiser, Rate, half_precision
from tools.nano.planner.excerpts import Excerpts
from tools.nano.planner.network import Table, hidden_states
from tools.nano.planner.pages import IN_WORDS, WITH_CODES, Page, chosen, page
from tools.nano.sizes import DIT
from tools.nano.slices import Average, Learner

PAGES = 24
"""Pages a step."""

_CODES_EVERY = 6
"""One page in so many has codes: there are few songs with codes, and more of them at a time are learnt by heart."""

FIRST_SEED = 2_000_000
"""Seeds of songs that are only written of: what the transformer is trained on lies below, what is held out above."""

_SONGS = 7_000_000

_MISREAD = 0.12

SHAPE: tuple[int, ...] = tuple(DIT["fsq_input_levels"])
"""Levels of a code."""


class PlannerTrainer(Learner):
    """Next tokens of the answers; prompts are read, not learnt by heart."""

    def __init__(self, network: PlannerLM, tokenizer: Tokenizer, excerpts: Excerpts, steps: int, seed: int) -> None:
        self.network, self.excerpts, self.seed = network, excerpts, seed
        self._encode = partial(encode, tokenizer)
        (self._first_code,) = self._encode("<|audio_code_0|>")
        self.device = network.norm.weight.device
        self.table = Table(network, self._first_code, SHAPE, seed).to(self.device)
        modules = nn.ModuleDict({"model": network, "codes": self.table}).requires_grad_(True)
        optimiser = Optimiser(modules, matrices(modules), Rate(3e-3, warm=100, cool=steps // 3))
        super().__init__(modules, optimiser, Average(modules, horizon=200), steps)

    def pages(self, rng: np.random.Generator, *, held_back: bool = False) -> list[Page]:
        """The pages of a step: some with codes."""
        made = []
        for number in range(PAGES):
            if number % _CODES_EVERY == 0:
                song, codes = self.excerpts.draw(rng, held_back=held_back)
                made.append(page(chosen(WITH_CODES, rng), song, codes, rng))
            else:
                song = compose(FIRST_SEED + int(rng.integers(_SONGS)))
                made.append(page(chosen(IN_WORDS, rng), song, (), rng))
        return made

    def losses(self, pages: list[Page], rng: np.random.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Nats a token of what is written, words ``[n]`` and codes ``[m]``; with ``rng`` some codes are misread."""
        read = [[token for piece in each.read for token in self._encode(piece)] for each in pages]
        written = [[token for piece in each.written for token in self._encode(piece)] for each in pages]
        rows = [one + other for one, other in zip(read, written, strict=True)]
        tokens = torch.tensor([token for row in rows for token in row[:-1]], device=self.device)
        wanted = torch.tensor([token for row in rows for token in row[1:]], device=self.device)
        if rng is not None:
            tokens = self._misread(tokens, rng)
        answers = torch.tensor(
            [place >= len(one) - 1 for one, row in zip(read, rows, strict=True) for place in range(len(row) - 1)],
            device=self.device,
        )
        with half_precision(self.device):
            table = self.table()
            hidden = hidden_states(self.network, tokens, [len(row) - 1 for row in rows], table)[answers]
            logits = self.network.logits(hidden, table)
        wanted = wanted[answers]
        each = F.cross_entropy(logits.float(), wanted, reduction="none")
        is_code = wanted >= self._first_code
        return each[~is_code], each[is_code]

    def _misread(self, tokens: Tensor, rng: np.random.Generator) -> Tensor:
        """Some codes are others: songs are not so easily learnt by heart, and its own mistakes do not lead astray."""
        wrong = torch.from_numpy(rng.random(len(tokens)) < _MISREAD).to(self.device) & (tokens >= self._first_code)
        others = torch.from_numpy(rng.integers(math.prod(SHAPE), size=len(tokens))).to(self.device)
        return torch.where(wrong, self._first_code + others, tokens)

    def step(self, index: int) -> Mapping[str, Tensor]:
        """One batch of pages."""
        rng = np.random.default_rng([self.seed + 4, index])
        words, codes = self.losses(self.pages(rng), rng)
        if not len(codes):  # all pages with codes were to be put into words
            return {"words": words.detach().mean(), "norm": self.learn(words.mean(), index)}
        norm = self.learn(words.mean() + codes.mean(), index)
        return {"words": words.detach().mean(), "codes": codes.detach().mean(), "norm": norm}

    @torch.no_grad()
    def begin(self, weights: Mapping[str, Tensor]) -> None:
        """Begins with published weights: a code is all its own there, for levels were put into it."""
        own = dict(self.network.named_parameters())
        for name, value in weights.items():
            own[name].copy_(value)
        self.table.keep()
        self.average = Average(self.modules, self.average.horizon)

    @torch.no_grad()
    def tested(self, batches: int = 4) -> tuple[float, float]:
        """The same losses, of the average, on songs that are not trained on; the weights stay as they were."""
        kept = {name: value.detach().clone() for name, value in self.modules.named_parameters()}
        self.average.apply()
        found = [
            self.losses(self.pages(np.random.default_rng([self.seed + 5, i]), held_back=True)) for i in range(batches)
        ]
        for name, value in self.modules.named_parameters():
            value.copy_(kept[name])
        words, codes = (torch.cat(part).mean() for part in zip(*found, strict=True))
        return float(words), float(codes)


@torch.no_grad()
def published(network: PlannerLM, first_code: int, weights: Mapping[str, Tensor], seed: int) -> PlannerLM:
    """``network`` with weights as a trainer keeps them, or as they are published."""
    table = Table(network, first_code, SHAPE, seed)
    own = dict(nn.ModuleDict({"model": network, "codes": table}).named_parameters())
    for name, value in weights.items():
        own[name].copy_(value)
    if "codes.levels" in weights:
        network.embed_tokens.weight.copy_(table())
    return network
