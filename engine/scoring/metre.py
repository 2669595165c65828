"""Which level of the metre is the beat: half, double or the pulse itself, decided as the synthesised songs have it.

A quarter note is what their tempo counts. What tells it from an eighth is how alike the onsets of each band (kick,
snare, hats) are a quarter of a candidate beat apart, a third, a half, one, two, four. How much each of these counts was
learned from songs; what was asked for is never seen.
"""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.scoring.onsets import BANDS, FRAME_RATE
from engine.scoring.spectra import Float

RATIOS = (1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0)
"""What the beat may be of a pulse."""

LAGS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 3 / 2, 2.0, 3.0, 4.0, 6.0, 8.0)
"""In candidate beats."""

LEARNED = Path(__file__).with_name("metre.json")
"""Made by ``python -m tools.nano.measure tempo``."""

EVIDENCE = BANDS * len(LAGS) + 3

_MIDDLE = 115.0  # beats a minute


def evidence(correlations: Float, beats_a_minute: npt.NDArray[np.floating]) -> Float:
    """What speaks for each candidate, [candidates, EVIDENCE], from what ``onsets.periodicity`` gives.

    Each band's autocorrelation at ``LAGS`` (0 beyond its end), then the first powers of the octaves from 115 a minute.
    """
    every = np.arange(correlations.shape[1])
    rows = np.empty((len(beats_a_minute), EVIDENCE), np.float32)
    for row, bpm in zip(rows, beats_a_minute, strict=True):
        lags = 60 * FRAME_RATE / bpm * np.array(LAGS)
        row[:-3] = np.concatenate([np.interp(lags, every, band, right=0) for band in correlations])
        row[-3:] = np.log2(bpm / _MIDDLE) ** np.array([1, 2, 3])
    return rows


@cache
def weights() -> Float:
    """What was learned, [EVIDENCE], as it lies beside this file."""
    table = json.loads(LEARNED.read_text(encoding="utf-8"))
    known: Float = np.array([*itertools.chain(*table["bands"]), *table["tempo"]], np.float32)
    return known
