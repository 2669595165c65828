"""Words to moments: how long aligning the tokens of a long song takes on one core, beside librosa where that is there.

Processor time: it says the same whatever else the machine has to do.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks import targets
from benchmarks.rows import Area, Row
from engine.scoring.dtw import align

_TIMES = 5
Cost = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Sizes:
    """How many tokens there are, and how many frames of 80 ms."""

    tokens: int = 1000
    frames: int = 7500

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(20, 50)


def run(sizes: Sizes) -> list[Area]:
    """One row for each type of numbers."""
    area = Area(f"Aligning {sizes.tokens:,} tokens to {sizes.frames:,} frames, one core", ("ours", "librosa"))
    for kind in ("float32", "float64"):
        cost = -np.random.default_rng(0).random((sizes.tokens, sizes.frames)).astype(kind)
        theirs = _seconds(_librosa(cost)) if importlib.util.find_spec("librosa") else None
        area.rows.append(Row(kind, _seconds(lambda cost=cost: align(cost)), theirs, target=targets.ALIGNING))
    if area.rows[0].peer is None:
        area.notes.append("librosa is not installed: only our own side is measured.")
    return [area]


def _librosa(cost: Cost) -> Callable[[], object]:
    import librosa

    return lambda: librosa.sequence.dtw(C=cost)


def _seconds(work: Callable[[], object]) -> float:
    """The median processor time of some runs; the first, which may compile something, does not count."""
    work()
    taken = []
    for _ in range(_TIMES):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return median(taken)
