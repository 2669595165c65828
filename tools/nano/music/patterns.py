"""Rhythms of one bar, in ticks (sixteenths), for every meter."""

from __future__ import annotations

import numpy as np

PULSES = {2: (0, 4), 3: (0, 4, 8), 4: (0, 4, 8, 12), 6: (0, 6)}
"""Where each meter is felt; a bar has 8, 12, 16 and 12 ticks."""
TICKS = {2: 8, 3: 12, 4: 16, 6: 12}

Rhythm = tuple[tuple[int, float], ...]
"""Pairs of a start and a length in ticks."""


def eighths(meter: int) -> tuple[int, ...]:
    """The bar's eighth notes."""
    return tuple(range(0, TICKS[meter], 2))


def _held(starts: tuple[int, ...], ticks: int, share: float = 1.0) -> Rhythm:
    """Each start held for ``share`` of the way to the next."""
    kept = [start for start in starts if start < ticks]
    return tuple((a, (b - a) * share) for a, b in zip(kept, [*kept[1:], ticks], strict=True))


def chord_rhythm(name: str, meter: int) -> Rhythm:
    """When the chords are struck; ``broken`` is played one note at a time."""
    ticks, pulses = TICKS[meter], PULSES[meter]
    match name:
        case "pulse":
            return _held(tuple(range(0, ticks, 6 if meter == 6 else 4)), ticks, 0.8)
        case "offbeat":
            return tuple((start, 1.6) for start in range(2, ticks, 4))
        case "stabs":
            return _held((0, 3, 6, 8, 11, 14) if meter == 4 else (0, 3, 6, 10), ticks, 0.6)
        case "comp":
            return _held((0, 6, 10) if meter == 4 else (0, 6), ticks, 0.9)
        case "eighths" | "broken":
            return _held(eighths(meter), ticks, 0.9)
        case "chug":
            return _held((0, 2, 3, 4, 6, 8, 10, 11, 12, 14), ticks, 0.85)
        case "afterbeat":
            after = (2, 4, 8, 10) if meter == 6 else pulses[1:] if meter in (3, 2) else (4, 8, 12)
            return tuple((start, 1.6 if meter == 6 else 3.0) for start in after)
        case "bossa":
            return _held((0, 3, 6, 10, 12) if meter == 4 else (0, 3, 6), ticks, 0.8)
        case "samba":
            return _held((0, 2, 5, 8, 11, 14) if meter == 4 else (0, 2, 5), ticks, 0.7)
        case _:
            raise ValueError(f"no chord rhythm {name!r}")


def bass_rhythm(name: str, meter: int) -> tuple[tuple[int, float, int], ...]:
    """Start, length and colour of each bass note: 0 the root, 1 the root an octave up, 2 the fifth."""
    ticks = TICKS[meter]
    match name:
        case "whole" | "pedal":
            return ((0, ticks * 0.97, 0),)
        case "downbeat":
            half = TICKS[meter] // 2
            return ((0, 3.6, 0), (half, 3.6, 2)) if meter in (4, 6) else ((0, 3.6, 0),)
        case "quarters":
            return tuple((start, length, 0) for start, length in _held(PULSES[meter], ticks, 0.9))
        case "eighths":
            return tuple((start, 1.7, 0) for start in eighths(meter))
        case "sixteenths":
            return tuple((start, 0.85, 0) for start in range(ticks))
        case "bounce":
            return tuple((start, 1.6, i % 2) for i, start in enumerate(eighths(meter)))
        case "offbeat":
            return tuple((start, 1.7, 0) for start in range(2, ticks, 4))
        case "sparse":
            return ((0, min(5.5, ticks - 1), 0), *(((10, 2.0, 0), (13, 2.5, 2)) if meter == 4 else ((6, 1.7, 2),)))
        case "kick":
            return ((0, 2.7, 0), *(((7, 1.0, 0), (10, 3.5, 0)) if meter == 4 else ((5, 2.0, 0),)))
        case "bossa":
            return ((0, 5.5, 0), (6, 1.7, 2), *(((8, 5.5, 2), (14, 1.7, 0)) if meter == 4 else ()))
        case _:
            raise ValueError(f"no bass rhythm {name!r}")


def melody_rhythm(meter: int, busyness: float, rng: np.random.Generator) -> Rhythm:
    """A drawn rhythm on eighths; beats are more likely than what lies between, and the first one always sounds."""
    starts = [0]
    for tick in eighths(meter)[1:]:
        chance = 0.35 + 0.5 * busyness if tick in PULSES[meter] else 0.1 + 0.5 * busyness
        if rng.random() < chance:
            starts.append(tick)
    return _held(tuple(starts), TICKS[meter], 0.92)
