"""The ruler that stands in for silence: what tells a transformer of relative positions where in a song it is.

A take of nothing but words begins as "silence" for a source. Here that source counts time instead: every channel is the
sine or the cosine of one fixed rate. The beat of any tempo from 60 to 180 is a product of two of them, one rate of
``CENTRES`` and one of the ``OFFSETS`` from it, so the transformer has to choose two of a few rather than one of 121.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FRAME_RATE = 25.0
SLOWEST, FASTEST = 60, 180
REACH = 6
"""The furthest that a tempo lies from its centre."""

CENTRES = tuple(range(SLOWEST + REACH, FASTEST, 2 * REACH))
OFFSETS = tuple(range(1, REACH + 1))

BANKS = (0.5, 2.0)
"""Turns a beat: one bank goes round once in two beats, which tells the strong from the weak, one once in an eighth."""

RATES = tuple(turns * bpm / 60 for turns in BANKS for bpm in (*CENTRES, *OFFSETS))
"""Hertz of each pair of channels."""

CHANNELS = 2 * len(RATES)

PERIOD = 3000
"""Frames after which every rate is where it began (120 s): a longer ruler is this one, repeated."""


def place(bpm: int) -> tuple[int, int] | None:
    """The number of a tempo's centre and its signed distance from it; None outside what the ruler counts."""
    if not SLOWEST <= bpm <= FASTEST:
        return None
    centre = min(max(round((bpm - CENTRES[0]) / (2 * REACH)), 0), len(CENTRES) - 1)
    return centre, bpm - CENTRES[centre]


def ruler(frames: int) -> Tensor:
    """``[1, frames, CHANNELS]``: cosine and sine of each rate, side by side, from the start of a song."""
    seconds = torch.arange(frames, dtype=torch.float64) / FRAME_RATE
    angle = 2 * math.pi * seconds.outer(torch.tensor(RATES, dtype=torch.float64))
    return torch.stack((angle.cos(), angle.sin()), dim=-1).flatten(1).float().unsqueeze(0)
