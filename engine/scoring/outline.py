"""A take in outline: how loud each band is, forty times a second. What repeats, and what is a copy, is seen in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.scoring.spectra import Float, magnitudes, mel_bank

RATE = 24_000
"""Hz of the one channel that is looked at."""

FRAMES_PER_SECOND = 40
BANDS = 34

BLOCK_SECONDS = 4.0
"""What is looked for elsewhere: two bars of fast music, one of slow."""

SAME = 0.97
"""Likeness of two blocks from which they are nearly exactly the same: what is between two frames costs the rest."""

_SIZE = 2048
_FLOOR = 4.0  # powers of ten below the loudest band: what lies there is silence
_HOP_SECONDS = 1.0
_FURTHEST = 120.0  # seconds that are looked at for repetition: what repeats for two minutes does repeat
_TIMES, _PITCHES = 33, 17


def outline(mono: Float) -> Float:
    """Levels [frames, BANDS] of one channel [n] at ``RATE``: powers of ten above silence, from 0 to 4."""
    levels = magnitudes(mono, _SIZE, RATE // FRAMES_PER_SECOND) @ mel_bank(BANDS, _SIZE, RATE, 60, RATE / 2)
    top = float(levels.max(initial=0.0))
    if top <= 0:
        return np.zeros_like(levels)
    lifted: Float = (np.log10(np.maximum(levels / top, 10**-_FLOOR)) + _FLOOR).astype(np.float32)
    return lifted


def repeated(levels: Float) -> tuple[float, float]:
    """The share of a take's blocks that come again elsewhere, nearly exactly, and how far apart in seconds, mostly.

    Takes an ``outline``. (0, 0) where there are not two blocks, or nothing happens in them.
    """
    frames = levels[: int(_FURTHEST * FRAMES_PER_SECOND)]
    length = int(BLOCK_SECONDS * FRAMES_PER_SECOND)
    if len(frames) < 2 * length:
        return 0.0, 0.0
    moved = frames - frames.mean(axis=0)
    energy = np.concatenate(([0.0], np.cumsum(np.square(moved, dtype=np.float64).sum(axis=1))))
    strength = energy[length:] - energy[:-length]
    least = 1e-3 * length * BANDS  # a thirtieth of a power of ten in each band: less is no movement
    apart = []
    starts = range(0, len(frames) - length + 1, int(_HOP_SECONDS * FRAMES_PER_SECOND))
    counted = [start for start in starts if strength[start] > least]
    for start in counted:
        likeness = _likeness(moved, strength, start, length, least)
        same = np.flatnonzero(likeness >= SAME)
        if len(same):
            apart.append(int(np.abs(same - start).min()) / FRAMES_PER_SECOND)
    return (len(apart) / len(counted), float(np.median(apart))) if apart else (0.0, 0.0)


def _likeness(
    moved: Float, strength: npt.NDArray[np.float64], start: int, length: int, least: float
) -> npt.NDArray[np.float64]:
    """How alike the block from ``start`` on and each other block are, -1 to 1; 0 for those that it overlaps."""
    products = np.ascontiguousarray(moved[start : start + length] @ moved.T)
    rows, columns = products.strides
    shifted = np.lib.stride_tricks.as_strided(
        products, (len(strength), length), (columns, rows + columns), writeable=False
    )
    likeness = shifted.sum(axis=1) / np.sqrt(np.maximum(strength * strength[start], least * least))
    likeness[max(start - length + 1, 0) : start + length] = 0.0
    found: npt.NDArray[np.float64] = likeness.astype(np.float64)
    return found


def fingerprint(levels: Float) -> str:
    """512 bits of a take as a hexadecimal word, from its ``outline``; empty for less than two seconds.

    Of 33 equal stretches and 17 bands: whether the step from a band to the next one grows from a stretch to the next.
    Loudness, coding and noise far below hardly change it; another take of the same recipe has other bits in a third of
    all places and more.
    """
    if len(levels) < 2 * FRAMES_PER_SECOND:
        return ""
    edges = np.linspace(0, len(levels), _TIMES + 1).astype(int)[:-1]
    widths = np.diff(np.append(edges, len(levels)))
    times = np.add.reduceat(levels, edges, axis=0) / widths[:, None]
    steps = np.diff(times.reshape(_TIMES, _PITCHES, -1).mean(axis=2), axis=1)
    return np.packbits(np.diff(steps, axis=0) > 0).tobytes().hex()
