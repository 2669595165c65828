"""Whether bars have three quarter notes or two and four: what is heard of a meter where the tempo is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.audio import RATE
from tools.nano.measure.style import levels

_LEVELS_A_SECOND = 100
_STEPS = 4
"""Levels that are looked at in a beat."""


def triple(audio: npt.NDArray[np.floating], bpm: float, rate: int = RATE) -> bool | None:
    """Whether audio [2, n] of a known tempo repeats after three beats rather than after two or four.

    None where it is too short for a difference: less than six beats.
    """
    level = np.asarray(levels(audio, rate), np.float64)
    beats = int(len(level) / _LEVELS_A_SECOND * bpm / 60)
    if beats < 6:
        return None
    at = (np.arange(beats * _STEPS) * 60 / bpm / _STEPS * _LEVELS_A_SECOND).astype(int)
    steps = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0)
    onsets = np.stack(
        [steps[place : place + _LEVELS_A_SECOND * 60 // int(bpm * _STEPS) + 1].max(axis=0) for place in at]
    )
    rows = np.concatenate([_unit(onsets), _unit(level[at])], axis=1)
    return _alike(rows, 3) > max(_alike(rows, 2), _alike(rows, 4))


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred = rows - rows.mean(axis=0)
    scaled: npt.NDArray[np.float64] = centred / (np.sqrt(np.square(centred).mean()) + 1e-9)
    return scaled


def _alike(rows: npt.NDArray[np.float64], beats: int) -> float:
    """Mean product of what is so many beats apart, as a share of what a moment has with itself."""
    lag = beats * _STEPS
    return float((rows[lag:] * rows[:-lag]).mean() / max(float(np.square(rows).mean()), 1e-9))
