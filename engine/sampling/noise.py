"""Noise that is the same on every device: Philox4x32-10 and Box-Muller as CUDA's generator has them (dit.md 11).

Every draw of a take comes from a numbered stream of a seed. The stream's number is the counter's offset word, so stream
0 is what the reference implementation draws on CUDA for a seed (while T x 64 stays below its thread count). Arithmetic
is float64 until the end: float32 results do not depend on the instruction set.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

INITIAL = 0
"""The stream of the initial noise; step i of an SDE draws from stream 1 + i."""

# A retake turns towards the initial noise of another seed, so it needs no stream of its own.
FLOW_EDIT = 2 << 16
REFERENCE_CROP = 3 << 16
PLANNER = 4 << 16

_ROUNDS = 10
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)

Words = NDArray[np.uint64]


def philox(seed: int, stream: int, count: int) -> tuple[Words, Words]:
    """The first two 32-bit words of each of ``count`` blocks: block k has counter (stream, k) and key ``seed``."""
    index = np.arange(count, dtype=np.uint64)
    zero = np.zeros(count, dtype=np.uint64)
    c0, c1, c2, c3 = zero + np.uint64(stream & 0xFFFFFFFF), zero + np.uint64(stream >> 32), index & _LOW, index >> _HIGH
    k0, k1 = np.uint64(seed & 0xFFFFFFFF), np.uint64((seed >> 32) & 0xFFFFFFFF)
    for _ in range(_ROUNDS):
        left, right = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (right >> _HIGH) ^ c1 ^ k0, right & _LOW, (left >> _HIGH) ^ c3 ^ k1, left & _LOW
        k0, k1 = (k0 + _KEY_STEPS[0]) & _LOW, (k1 + _KEY_STEPS[1]) & _LOW
    return c0, c1


def normal(seed: int, stream: int, frames: int, channels: int) -> Tensor:
    """Standard normal noise ``[frames, channels]`` float32 on CPU; element k, time-major, is block k's first normal."""
    first, second = philox(seed, stream, frames * channels)
    u = first * 2.0**-32 + 2.0**-33
    v = second * (2 * math.pi * 2.0**-32) + math.pi * 2.0**-32
    values = np.sqrt(-2.0 * np.log(u)) * np.sin(v)
    return torch.from_numpy(values.astype(np.float32)).view(frames, channels)


def uniform(seed: int, stream: int, count: int) -> list[float]:
    """``count`` numbers in (0, 1), for choices that are not noise."""
    first, _ = philox(seed, stream, count)
    return [float(x) for x in first * 2.0**-32 + 2.0**-33]


def retake(noise: Tensor, other: Tensor, variance: float) -> Tensor:
    """Turns ``noise`` towards ``other`` on the circle: 0 leaves it, 1 is ``other``; the variance of both is kept."""
    angle = variance * math.pi / 2
    return math.cos(angle) * noise + math.sin(angle) * other
