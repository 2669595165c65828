"""Seeds: which take of a batch gets which, drawn exactly once (facts: dit.md 11)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from engine.values import HIGHEST_SEED

RANDOM = -1
"""The published way to ask for a random seed."""


def draw_seed() -> int:
    """A fresh seed, 0 to 2**32-1, from the system's own randomness."""
    return secrets.randbelow(HIGHEST_SEED + 1)


def fill_seeds(wanted: Sequence[int], count: int) -> tuple[int, ...]:
    """``count`` seeds: the wanted ones in their order, a fresh one where -1 is asked or none is left.

    One seed for a batch of four is used by the first take alone; seeds beyond ``count`` are dropped.
    """
    asked = [*wanted[:count], *[RANDOM] * (count - len(wanted))]
    return tuple(draw_seed() if seed == RANDOM else seed for seed in asked)
