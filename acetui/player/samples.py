"""Arithmetic on samples without numpy: each function runs over them in C. Samples are float32, channels in turn."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import repeat
from operator import add, mul

from acetui.player.sounds import CHANNELS, RATE

FADE = RATE // 200
"""Frames over which one sound passes into another, or into silence: 5 ms, so that nothing clicks."""

UP = array("f", [(frame + 1) / (FADE + 1) for frame in range(FADE) for _ in range(CHANNELS)])
DOWN = array("f", reversed(UP))


def silence(frames: int) -> array[float]:
    """Frames in which nothing is heard."""
    return array("f", bytes(4 * CHANNELS * frames))


def scaled(samples: array[float], factor: float) -> array[float]:
    """Every sample times ``factor``; the very same where that is 1."""
    return samples if factor == 1.0 else array("f", map(mul, samples, repeat(factor)))


def shaped(samples: array[float], curve: Sequence[float]) -> array[float]:
    """Every sample times its place on a curve of the same length."""
    return array("f", map(mul, samples, curve))


def summed(one: array[float], other: array[float]) -> array[float]:
    """Both at once; the longer one goes on alone."""
    short, long = sorted((one, other), key=len)
    return array("f", map(add, short, long)) + long[len(short) :]
