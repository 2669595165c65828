"""A take in outline: how loud each band is, forty times a second. What repeats, and what is a copy, is seen in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.scoring.spectra import Float, magnitudes, mel_bank

RATE = 24_000
"""Hz of the one channel that is looked at."""

FRAMES_PER_SECOND = 40
BANDS = 34

BLOCK_SECONDS = 4.0
"""What is looked for elsewhere: two bars of fast music, one of slow."""

SAME = 0.92
"""Likeness of two blocks from which they are nearly exactly the same: what is between two frames costs the rest. A loop
that comes again half a frame beside its start is as alike as that; what honest music plays anew is less."""

_SIZE = 2048
_FLOOR = 4.0  # powers of ten below the loudest band: what lies there is silence
_HOP_SECONDS = 1.0
_LOOKED_AT = 60.0  # seconds from the middle, for repetition: over minutes, honest music comes back to everything
_TIMES, _PITCHES = 33, 17


def outline(mono: Float) -> Float:
    """Levels [frames, BANDS] of one channel [n] at ``RATE``: powers of ten above silence, from 0 to 4."""
    levels = magnitudes(mono, _SIZE, RATE // FRAMES_PER_SECOND) @ mel_bank(BANDS, _SIZE, RATE, 60, RATE / 2)
    top = float(levels.max(initial=0.0))
    if top <= 0:
        return np.zeros_like(levels)
    lifted: Float = (np.log10(np.maximum(levels / top, 10**-_FLOOR)) + _FLOOR).astype(np.float32)
    return lifted


def colour(levels: Float) -> list[float]:
    """What a take sounds like in eight numbers: how loud six bands are, how far levels move, and how fast."""
    if len(levels) < 2:
        return []
    bands = levels.reshape(len(levels), _PITCHES, -1).mean(axis=(0, 2))
    groups = [float(part.mean()) for part in np.array_split(bands, 6)]
    return [
        round(each, 3)
        for each in (*groups, float(levels.std(axis=0).mean()), float(np.abs(np.diff(levels, axis=0)).mean()))
    ]


def repeated(levels: Float) -> tuple[float, float]:
    """The share of a take's blocks that come again nearly exactly one loop before or after them, and that loop.

    The loop is the one for which most do, in seconds; music whose verse comes again later has no such loop. Takes an
    ``outline``. (0, 0) where there are not two blocks, or nothing happens in them.
    """
    spare = max(len(levels) - int(_LOOKED_AT * FRAMES_PER_SECOND), 0)
    frames = levels[spare // 2 : len(levels) - (spare - spare // 2)]
    length = int(BLOCK_SECONDS * FRAMES_PER_SECOND)
    if len(frames) < 2 * length:
        return 0.0, 0.0
    moved = frames - frames.mean(axis=0)
    energy = np.concatenate(([0.0], np.cumsum(np.square(moved, dtype=np.float64).sum(axis=1))))
    strength = energy[length:] - energy[:-length]
    least = 1e-3 * length * BANDS  # a thirtieth of a power of ten in each band: less is no movement
    starts = range(0, len(frames) - length + 1, int(_HOP_SECONDS * FRAMES_PER_SECOND))
    counted = [start for start in starts if strength[start] > least]
    loops = np.zeros(len(frames) + 1, np.intp)
    for start in counted:
        apart = np.abs(np.flatnonzero(_likeness(moved, strength, start, length, least) >= SAME) - start)
        near = np.concatenate((apart - 1, apart, apart + 1)) if len(apart) else apart
        loops[np.unique(near)] += 1
    best = int(loops.argmax())
    return (int(loops[best]) / len(counted), best / FRAMES_PER_SECOND) if loops[best] else (0.0, 0.0)


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


def statistics(latents: Float, codes: Sequence[int] | None) -> dict[str, float]:
    """What ``latents`` ``[T, 64]`` and audio codes are like, for a person's taste; nothing of what is not there."""
    found = {}
    if len(latents) > 1:
        found["latent_spread"] = float(latents.std())
        found["latent_movement"] = float(abs(latents[1:] - latents[:-1]).mean())
    if codes:
        found["codes_varied"] = len(set(codes)) / len(codes)
    return {name: round(value, 4) for name, value in found.items() if math.isfinite(value)}
