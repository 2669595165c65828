"""Parts whose level says little by itself, held against the takes that were asked for the same thing.

How likely words become by the codes, or how clearly they are followed, depends on the words as much as on the take:
what counts is where a take lies among comparable ones. Tempo, key, sound and taste have a scale of their own, and stay
as they are. The formula is in docs/scores.md. Pure arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

ABSOLUTE = frozenset({"tempo", "key", "tempo_key", "signal", "taste"})
"""Parts, and measures of them, with a scale of their own; all others are relative."""

FIRST, MOST = 8, 512
"""A pool's scale is learnt from its first 8 takes, its first 16, and so on to 512: it moves seven times at most."""

LEAST_SPREAD = 0.1
"""Where values lie nearer together they are told apart two and a half times as far as they are, and no further."""


@dataclass(frozen=True)
class Scale:
    """What a part is like in a pool."""

    middle: float
    """The median."""

    spread: float
    """How far from it values lie on average; at least ``LEAST_SPREAD``."""

    takes: int
    """How many it was learnt from."""

    @property
    def trust(self) -> float:
        """The share by which it counts, from a half on: the rest is the value as it is."""
        return self.takes / (self.takes + FIRST)

    def placed(self, value: float) -> float:
        """A value from 0 to 1 as it counts in the pool, from 0 to 1 too; more stays more."""
        power = min(max((self.middle - value) / self.spread, -700.0), 700.0)
        return (1 - self.trust) * value + self.trust / (1 + math.exp(power))

    def object(self) -> dict[str, float | int]:
        """As JSON has it."""
        return {"middle": round(self.middle, 4), "spread": round(self.spread, 4), "takes": self.takes}


Scales = Mapping[str, Scale]
"""The scale of each relative part that a pool knows enough of."""


def learned_from(takes: int) -> int:
    """From how many of a pool's ``takes``, the first, its scale is learnt; 0 where they are too few."""
    if takes < FIRST:
        return 0
    return min(FIRST << (takes // FIRST).bit_length() - 1, MOST)


def scale_of(values: Sequence[float]) -> Scale | None:
    """The scale that values tell of, in the order of their takes' numbers; None for too few."""
    count = learned_from(len(values))
    if not count:
        return None
    from statistics import median  # a terminal that opens has no use for it

    first = values[:count]
    middle = median(first)
    away = math.fsum(abs(value - middle) for value in first) / count
    return Scale(middle, max(away, LEAST_SPREAD), count)


def scales_of(pool: Collection[Mapping[str, float]]) -> dict[str, Scale]:
    """The scales of a pool, from the relative measures of its takes in the order of their numbers."""
    values: dict[str, list[float]] = {}
    for measures in pool:
        for name, value in relative(measures).items():
            values.setdefault(name, []).append(value)
    found = {name: scale_of(each) for name, each in values.items()}
    return {name: scale for name, scale in found.items() if scale is not None}


def relative(measures: Mapping[str, float]) -> dict[str, float]:
    """The measures that mean something only inside a pool, held within 0 and 1."""
    return {
        name: min(max(value, 0.0), 1.0)
        for name, value in measures.items()
        if name not in ABSOLUTE and math.isfinite(value)
    }
