"""The tempo of music, heard blind: autocorrelation of onsets, a comb over candidate beats, then the level of the metre.

The comb finds a pulse to a thousandth but not whether it is the beat, its half or its double; ``metre`` decides that.
Source of the approach: Percival and Tzanetakis, "Streamlined tempo estimation based on autocorrelation and
cross-correlation with pulses", 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.audio import RATE
from engine.scoring import metre
from engine.scoring.agreement import LEVELS
from engine.scoring.onsets import FRAME_RATE, envelope, periodicity
from engine.scoring.spectra import Float

RANGE = (50.0, 200.0)
"""Beats a minute that are considered."""

TOLERANCE = 0.04
"""A tempo is right within this part of what was asked: the usual measure ("accuracy 1") of tempo estimation."""

_STEPS = 1500
PREFERRED = 115.0
"""The tempo that the prior prefers, and what silence is said to have."""

_SPREAD = 0.9  # octaves, standard deviation of the prior
VERDICTS = ("right", "octave", "metrical", "other")


@dataclass(frozen=True)
class Tempo:
    """Beats a minute as heard."""

    bpm: float
    """Within ``RANGE``."""

    confidence: float
    """0 (no pulse at all) to 1 (every beat like the other): the comb's mean autocorrelation."""


@dataclass(frozen=True)
class TempoError:
    """A measured tempo beside the one that was asked for."""

    ratio_error: float
    """measured / asked - 1."""

    octave: bool
    """Twice or half of what was asked, within ``TOLERANCE``."""

    metrical: bool
    """Another level of the same metre: three times, a third, three halves or two thirds, within ``TOLERANCE``."""

    @property
    def right(self) -> bool:
        """Within ``TOLERANCE`` of what was asked."""
        return abs(self.ratio_error) <= TOLERANCE

    @property
    def verdict(self) -> str:
        """One of ``VERDICTS``."""
        return "right" if self.right else "octave" if self.octave else "metrical" if self.metrical else "other"


def tempo(audio: npt.NDArray[np.floating], rate: int = RATE) -> Tempo:
    """The tempo of audio [N] or [channels, N]. Confidence 0 where nothing pulses or there is less than a few beats."""
    return tempo_of_onsets(envelope(audio, rate))


def tempo_error(measured: float, asked: float) -> TempoError:
    """How ``measured`` lies to ``asked``, both in beats a minute and above 0."""
    ratio = measured / asked
    return TempoError(ratio - 1, _near(ratio, LEVELS["octave"]), _near(ratio, LEVELS["metrical"]))


def _near(ratio: float, levels: tuple[float, ...]) -> bool:
    return any(abs(ratio / level - 1) <= TOLERANCE for level in levels)


def tempo_of_onsets(bands: Float) -> Tempo:
    """The tempo of onset strengths [bands, frames] at ``FRAME_RATE``."""
    correlations = periodicity(bands)
    found = pulse(correlations)
    if found is None:
        return Tempo(PREFERRED, 0.0)
    candidates = levels_of(found)
    best = candidates[int(np.argmax(metre.evidence(correlations, candidates) @ metre.weights()))]
    strength = comb(_together(correlations), np.array([best]))[0]
    return Tempo(float(best), float(np.clip(strength, 0, 1)))


def pulse(correlations: Float) -> float | None:
    """Some level of the metre, exactly, in beats a minute; None where nothing pulses. Takes a ``periodicity``."""
    candidates = np.geomspace(*RANGE, _STEPS)
    prior = np.exp(-0.5 * (np.log2(candidates / PREFERRED) / _SPREAD) ** 2)
    likely = comb(_together(correlations), candidates) * prior
    best = int(np.argmax(likely))
    return float(candidates[best]) if likely[best] > 0 else None


def levels_of(bpm: float) -> npt.NDArray[np.float64]:
    """The levels of a metre with a pulse ``bpm`` that lie within ``RANGE``, itself included."""
    every = bpm * np.array(metre.RATIOS)
    return every[(every >= RANGE[0]) & (every <= RANGE[1])]


def comb(correlation: Float, beats_a_minute: npt.NDArray[np.floating]) -> Float:
    """The mean autocorrelation [lags] at a beat's multiples, for every candidate."""
    periods = 60 * FRAME_RATE / beats_a_minute
    counts = np.maximum((len(correlation) - 2) / periods, 0).astype(int)
    scores = np.zeros(len(periods), np.float32)
    there = counts > 0
    if there.any():
        firsts = np.concatenate(([0], np.cumsum(counts[there])[:-1]))
        multiples = np.arange(counts.sum()) - np.repeat(firsts, counts[there]) + 1
        lags = np.repeat(periods[there], counts[there]) * multiples
        read = np.interp(lags, np.arange(len(correlation)), correlation)
        scores[there] = np.add.reduceat(read, firsts) / counts[there]
    return scores


def _together(correlations: Float) -> Float:
    """The mean over the bands that have onsets."""
    heard = max(int((correlations[:, 0] > 0).sum()), 1)
    mean: Float = correlations.sum(axis=0) / np.float32(heard)
    return mean
