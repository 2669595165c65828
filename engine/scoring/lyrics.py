"""Are the words sung, in their order? Read from what the music model looked at while it made each moment.

Takes the cross-attention of chosen heads to the tokens of the lyrics (facts: scoring.md B.2); how it is captured is in
``engine.models.listening_in``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scoring.dtw import Path, align

Float = npt.NDArray[np.floating]

HEARD = 0.1
"""Energy from which a token counts as sung."""

FAINT = 0.01
"""Energy at and below which nothing is said about when."""

LOOSE_FRAMES = 9
"""By how much a token may come before the one that it follows: 0.72 s."""

_NOTHING = 1e-9


@dataclass(frozen=True)
class Alignment:
    """How words and music lie to each other, each from 0 to 1."""

    coverage: float
    """The share of the words' tokens that are sung at some time."""

    monotonicity: float
    """The share of neighbouring tokens that come in their order."""

    confidence: float
    """The mean energy along the best way through words and time."""

    @property
    def score(self) -> float:
        """The published product of the three."""
        found = self.coverage**2 * self.monotonicity**2 * self.confidence
        return round(min(max(found, 0.0), 1.0), 4)


def words_only(texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """For each token's text, whether it is a word to sing and not part of a tag in brackets: [tokens]."""
    sung, inside = [], False
    for text in texts:
        inside = inside or "[" in text
        sung.append(not inside)
        if "]" in text:
            inside = False
    return np.array(sung, np.bool_)


def energy_of(attention: Float) -> npt.NDArray[np.float64]:
    """Attention [heads, tokens, frames] as one picture from 0 to 1, [tokens, frames]: zeros where nothing varies."""
    mean = attention.astype(np.float64).mean(axis=0)
    low, high = float(mean.min(initial=np.inf)), float(mean.max(initial=-np.inf))
    if not high - low > _NOTHING:
        return np.zeros(mean.shape)
    energy: npt.NDArray[np.float64] = (mean - low) / (high - low)
    return energy


def measure(energy: Float, sung: npt.NDArray[np.bool_], path: Path | None = None) -> Alignment:
    """What ``energy`` [tokens, frames] says of the tokens that are ``sung`` [tokens]; ``path`` is the way through both.

    Without tokens that are sung, coverage and order are 1: there is nothing to miss.
    """
    way = align(-(energy.astype(np.float64) ** 2)) if path is None else path
    rows = energy[sung].astype(np.float64)
    coverage = float((rows.max(axis=1, initial=0.0) > HEARD).mean()) if len(rows) else 1.0
    confidence = float(energy[way[:, 0], way[:, 1]].astype(np.float64).mean()) if len(way) else 0.0
    return Alignment(coverage, _order(rows), confidence)


def _order(rows: npt.NDArray[np.float64]) -> float:
    """The share of neighbouring rows whose centres of energy do not go back by more than ``LOOSE_FRAMES``."""
    clear = np.where(rows > FAINT, rows, 0.0)
    weight = clear.sum(axis=1)
    there = weight > _NOTHING
    if there.sum() < 2:
        return 1.0
    centres = (clear[there] @ np.arange(rows.shape[1])) / weight[there]
    return float((centres[1:] >= centres[:-1] - LOOSE_FRAMES).mean())
