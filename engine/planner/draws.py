"""From logits to a token: penalty, temperature, top-k, top-p, and a draw that is an item's own (facts: lm.md 3.3).

A draw is a race. Every token gets an exponential waiting time from its item's seed, the step and its own number; the
first wins, which is a draw from the distribution. Where two runs differ in the last bit of a logit, a race ends as
before unless two tokens are level to that bit; walking along the summed probabilities with one random number, as
libraries do, every token before the chosen one moves the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.sampling.noise import philox

MOST_STEPS = 8192
"""More tokens than any plan has."""

_MIX = (0x85EBCA6B - 2**32, 0xC2B2AE35 - 2**32)
"""The multipliers of a well-known 32-bit mixer, as the signed numbers that tensors hold."""


@dataclass(frozen=True)
class Sampling:
    """How adventurous to be. Temperature 0 takes the likeliest; 0 turns ``top_k`` off, and 0 and 1 ``top_p``."""

    temperature: float = 0.85
    top_k: int = 0
    top_p: float = 0.9
    penalty: float = 1.0


class Draws:
    """The waiting times of one item: a numbered stream of its seed picks a key for every step."""

    def __init__(self, seed: int, stream: int, device: torch.device) -> None:
        first, second = philox(seed, stream, MOST_STEPS + 1)
        self.keys = (first[1:].astype(np.uint32).view(np.int32)).tolist()
        self.base = int(second[:1].astype(np.uint32).view(np.int32)[0])
        self._device = device

    def waits(self, step: int, numbers: Tensor) -> Tensor:
        """Exponential waiting times of the tokens ``numbers`` ``[V]`` int32, float32."""
        return _exponential(_mixed(_mixed(numbers ^ self.base) ^ self.keys[step % MOST_STEPS]))


class Races:
    """The draws of several items at once, for a device to which every question is a delay."""

    def __init__(self, draws: Sequence[Draws], device: torch.device) -> None:
        self._keys = torch.tensor([each.keys for each in draws], dtype=torch.int32, device=device)
        self._bases = torch.tensor([[each.base] for each in draws], dtype=torch.int32, device=device)

    def waits(self, step: int, numbers: Tensor) -> Tensor:
        """Every item's waiting times, ``[items, V]``."""
        keys = self._keys[:, step % MOST_STEPS].unsqueeze(1)
        return _exponential(_mixed(_mixed(numbers ^ self._bases) ^ keys))


def _exponential(mixed: Tensor) -> Tensor:
    """Waiting times of random words int32, float32."""
    # 31 bits and not 32: small numbers stay exact, and it is the small ones that win.
    return torch.log1p(mixed.bitwise_and_(0x7FFFFFFF).float().add_(0.5).mul_(-(2.0**-31))).neg_()


def _mixed(x: Tensor) -> Tensor:
    """Every bit of the result depends on every bit of ``x`` int32."""
    x = x ^ ((x >> 16) & 0xFFFF)
    x = x * _MIX[0]
    x ^= (x >> 13) & 0x7FFFF
    x *= _MIX[1]
    x ^= (x >> 16) & 0xFFFF
    return x


def guided(cond: Tensor, uncond: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance of logits, float32."""
    return uncond + scale * (cond - uncond)


def choose(
    logits: Tensor, numbers: Tensor, sampling: Sampling, draws: Draws, step: int, before: Tensor | None = None
) -> int:
    """The place in ``logits`` ``[V]`` float32 that is drawn; ``numbers`` ``[V]`` int32 are the tokens that they are of.

    One item at a time: whatever its batch is, the arithmetic is the same. ``before`` are the places that were drawn so
    far, for the penalty.
    """
    if sampling.penalty != 1 and before is not None and before.numel():
        seen = torch.unique(before)
        value = logits[seen]
        logits = logits.index_put((seen,), torch.where(value > 0, value / sampling.penalty, value * sampling.penalty))
    if sampling.temperature <= 0:
        return int(logits.argmax())
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[0]:
        lowest = logits.topk(sampling.top_k).values[-1]
        logits = logits.masked_fill(logits < lowest, -torch.inf)
    chances = logits.softmax(-1)
    times = chances / draws.waits(step, numbers)
    if 0 < sampling.top_p < 1:
        return _first_kept(times, chances, sampling.top_p)
    return int(times.argmax())


def choose_together(logits: Tensor, numbers: Tensor, sampling: Sampling, races: Races, step: int) -> Tensor:
    """The places in ``logits`` ``[items, V]`` float32 that are drawn by the same rules, without a penalty, ``[items]``.

    Nothing is asked of the device on the way, so who is kept is worked out for everybody.
    """
    if sampling.temperature <= 0:
        return logits.argmax(1)
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[1]:
        logits = logits.masked_fill(logits < logits.topk(sampling.top_k).values[:, -1:], -torch.inf)
    chances = logits.softmax(1)
    times = chances / races.waits(step, numbers)
    if 0 < sampling.top_p < 1:
        falling = chances.sort(dim=1, descending=True).values
        likelier = falling.cumsum(1, dtype=torch.float64) - falling
        kept = (likelier <= sampling.top_p).sum(1, keepdim=True).clamp_min(1)
        times = times.masked_fill(chances < falling.gather(1, kept - 1), -1.0)
    return times.argmax(1)


def _first_kept(times: Tensor, chances: Tensor, share: float) -> int:
    """The winner among the tokens that are kept: those that are likelier sum up to ``share`` at most.

    Who is kept is asked of the winner alone, and of the next one where it is not: sorting all of them to know it of
    everyone takes thirty times as long.
    """
    while True:
        place = int(times.argmax())
        chance = chances[place]
        likelier = torch.where(chances > chance, chances, 0.0).sum(dtype=torch.float64)
        if float(likelier) <= share:
            return place
        times = times.masked_fill(chances <= chance, -1.0)
