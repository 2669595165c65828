"""How loud takes are played, so that none sounds better only because it is louder."""

from __future__ import annotations

REFERENCE_LUFS = -16.0
"""What takes are brought to. Most songs are louder than that; what is quieter may be raised only a little."""

MOST = 10 ** (1.0 / 20)
"""Takes peak at -1 dBFS, so that more than this would be cut off."""


def level(loudness: float | None, *, matched: bool = True) -> float:
    """The factor for a take of ``loudness`` LUFS; 1 where that is not known, or levels are not ``matched``."""
    if loudness is None or not matched:
        return 1.0
    return min(float(10 ** ((REFERENCE_LUFS - loudness) / 20)), MOST)


def volume(percent: int) -> float:
    """The factor of a volume from 0 to 100: 60 dB over the whole way, and nothing at 0."""
    return 0.0 if percent <= 0 else float(10 ** (3.0 * (min(percent, 100) - 100) / 100))
