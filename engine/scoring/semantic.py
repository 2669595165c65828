"""Does the take say what was asked? The formulas of the published score, on what a language model makes of its codes.

A model that reads the codes is asked how likely the caption and the lyrics are, with them and without, and where the
tokens of the metadata rank (facts: scoring.md A). How it is asked is in ``engine.planner.recall``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

TOP = 10
"""Ranks that count for something."""

SCALE = 0.5
"""What turns a PMI in nats a token into a score: the published interface's own setting."""

WEIGHTS: Mapping[str, float] = MappingProxyType({"caption": 0.5, "lyrics": 0.3, "metadata": 0.2})


def pmi(with_codes: Sequence[float], without: Sequence[float]) -> float | None:
    """How much more likely a token is with the codes than without, in nats, from each token's log-probability.

    None where there are no tokens, or a probability is none.
    """
    if not len(with_codes) or len(with_codes) != len(without):
        return None
    difference = math.fsum(with_codes) / len(with_codes) - math.fsum(without) / len(without)
    return difference if math.isfinite(difference) else None


def of_pmi(value: float, scale: float = SCALE) -> float:
    """A PMI as a score from 0 to 1; 0.5 says nothing."""
    power = min(max(-value / scale, -700.0), 700.0)
    return 1 / (1 + math.exp(power))


def recall(places: Sequence[int], top: int = TOP) -> float | None:
    """How high targets rank among all tokens: 1 for first, a tenth less for each place, 0 from the eleventh on.

    ``places`` says how many tokens are likelier than each; the mean over them, None where there are none.
    """
    if not len(places):
        return None
    return math.fsum(max(1 - place / top, 0.0) for place in places) / len(places)


def reward(scores: Mapping[str, float | None]) -> float | None:
    """The weighted mean of ``caption``, ``lyrics`` and ``metadata`` as far as they are there; None where none is."""
    there = [(WEIGHTS[name], value) for name, value in scores.items() if value is not None and name in WEIGHTS]
    if not there:
        return None
    return math.fsum(weight * value for weight, value in there) / math.fsum(weight for weight, _ in there)
