"""What the instruments learn from: songs as they are and, so that they judge music and not a codec, copies of songs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scoring import metre, tempo
from engine.scoring.onsets import periodicity
from engine.scoring.spectra import Float
from tools.nano.measure import style

Audio = npt.NDArray[np.float32]
Copying = Callable[[Audio], Audio]

_STEPS = 500
_RATE_OF_LEARNING = 0.03
_JITTER = 0.25


@dataclass(frozen=True)
class Piece:
    """One piece of music as both instruments hear it: first as it is, then roughened."""

    sounds: Float
    """[3, FEATURES without the beat's]."""

    onsets: tuple[Float, ...]
    """Of each of the three."""


def hear(audio: Audio) -> Piece:
    """A song as it is."""
    sounds, onsets = zip(*(style.parts(each) for each in style.roughened(audio)), strict=True)
    return Piece(np.stack(sounds), onsets)


class HearCopy:
    """Hears what ``copying`` makes of a song."""

    def __init__(self, copying: Copying) -> None:
        self.copying = copying

    def __call__(self, audio: Audio) -> Piece:
        """See ``hear``."""
        return hear(self.copying(audio))


def learn_tempo(pieces: Sequence[Piece], beats_a_minute: Sequence[int]) -> Float:
    """The weights of ``metre``, from each piece as it is."""
    cases, right = [], []
    for piece, bpm in zip(pieces, beats_a_minute, strict=True):
        correlations = periodicity(piece.onsets[0])
        found = tempo.pulse(correlations)
        if found is not None:
            levels = tempo.levels_of(found)
            cases.append(metre.evidence(correlations, levels))
            right.append(int(np.argmin(np.abs(np.log(levels / bpm)))))
    return learn_metre(cases, right, seed=0)


def verdicts(pieces: Sequence[Piece], beats_a_minute: Sequence[int]) -> list[str]:
    """How the tempo of each piece is heard."""
    heard = (tempo.tempo_of_onsets(piece.onsets[0]).bpm for piece in pieces)
    return [tempo.tempo_error(one, bpm).verdict for one, bpm in zip(heard, beats_a_minute, strict=True)]


def rows(piece: Piece) -> Float:
    """Features [3, FEATURES] for the style, with the tempo as it is heard now."""
    return np.stack([style.joined(sound, bands) for sound, bands in zip(piece.sounds, piece.onsets, strict=True)])


def learn_metre(cases: list[Float], right: list[int], seed: int) -> Float:
    """Weights [metre.EVIDENCE] from the evidence of each song's candidates and the number of the one that is right.

    Softmax over a song's candidates, full-batch Adam, with fresh noise at every step against learning by heart.
    """
    most = max(len(case) for case in cases)
    there = np.array([[i < len(case) for i in range(most)] for case in cases])
    rows = np.stack([np.pad(case, ((0, most - len(case)), (0, 0))) for case in cases])
    truth = np.eye(most, dtype=np.float32)[right]
    scale = rows[there].std(axis=0) + 1e-6
    rng = np.random.default_rng(seed)
    weight, first, second = np.zeros((3, metre.EVIDENCE), np.float32)
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


def keep_metre(learned: Float) -> None:
    """Replaces what ``metre`` knows: a row for each band, a column for each lag, then the tempo's three."""
    numbers = [float(f"{weight:.3g}") for weight in learned]
    rows = [numbers[i : i + len(metre.LAGS)] for i in range(0, len(numbers) - 3, len(metre.LAGS))]
    bands = ",\n    ".join(json.dumps(row) for row in rows)
    metre.LEARNED.write_text(f'{{\n  "bands": [\n    {bands}\n  ],\n  "tempo": {json.dumps(numbers[-3:])}\n}}\n')
    metre.weights.cache_clear()
