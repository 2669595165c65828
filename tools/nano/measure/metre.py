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

from tools.nano.measure.onsets import BANDS, FRAME_RATE
from tools.nano.measure.spectra import Float

RATIOS = (1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0)
"""What the beat may be of a pulse."""

LAGS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 3 / 2, 2.0, 3.0, 4.0, 6.0, 8.0)
"""In candidate beats."""

LEARNED = Path(__file__).with_name("metre.json")
"""Made by ``python -m tools.nano.measure tempo``."""

EVIDENCE = BANDS * len(LAGS) + 3

_MIDDLE = 115.0  # beats a minute
_STEPS = 500
_RATE_OF_LEARNING = 0.03
_JITTER = 0.25


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


def learn(cases: list[Float], right: list[int], seed: int) -> Float:
    """Weights [EVIDENCE] from the evidence of each song's candidates and the number of the one that is right.

    Softmax over a song's candidates, full-batch Adam, with fresh noise at every step against learning by heart.
    """
    most = max(len(case) for case in cases)
    there = np.array([[i < len(case) for i in range(most)] for case in cases])
    rows = np.stack([np.pad(case, ((0, most - len(case)), (0, 0))) for case in cases])
    truth = np.eye(most, dtype=np.float32)[right]
    scale = rows[there].std(axis=0) + 1e-6
    rng = np.random.default_rng(seed)
    weight, first, second = np.zeros((3, EVIDENCE), np.float32)
    for step in range(1, _STEPS + 1):
        noisy = rows / scale + _JITTER * rng.standard_normal(rows.shape, dtype=np.float32)
        logits = np.where(there, noisy @ weight, -np.inf)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        slope = np.einsum("nc,ncf->f", shares - truth, noisy) / len(cases)
        first += 0.1 * (slope - first)
        second += 0.001 * (slope**2 - second)
        fair = first / (1 - 0.9**step), second / (1 - 0.999**step)
        weight -= _RATE_OF_LEARNING * (1 - step / (_STEPS + 1)) * fair[0] / (np.sqrt(fair[1]) + 1e-8)
    learned: Float = (weight / scale).astype(np.float32)
    return learned


@cache
def weights() -> Float:
    """What was learned, [EVIDENCE], as it lies beside this file."""
    table = json.loads(LEARNED.read_text(encoding="utf-8"))
    known: Float = np.array([*itertools.chain(*table["bands"]), *table["tempo"]], np.float32)
    return known


def keep(learned: Float) -> None:
    """Replaces what lies beside this file: a row for each band, a column for each lag, then the tempo's three."""
    numbers = [float(f"{weight:.3g}") for weight in learned]
    rows = [numbers[i : i + len(LAGS)] for i in range(0, len(numbers) - 3, len(LAGS))]
    bands = ",\n    ".join(json.dumps(row) for row in rows)
    LEARNED.write_text(f'{{\n  "bands": [\n    {bands}\n  ],\n  "tempo": {json.dumps(numbers[-3:])}\n}}\n')
    weights.cache_clear()
