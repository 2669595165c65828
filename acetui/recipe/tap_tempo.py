"""A tempo from taps on a key: the median of the intervals, which one slip does not move."""

from __future__ import annotations

from statistics import median

from engine.values import BPM

PAUSE_SECONDS = 60 / BPM[0] * 1.25
"""Longer than the slowest beat: the next tap begins anew."""

REMEMBERED = 8
"""Intervals that count, so that a change of mind is followed."""


class TapTempo:
    """Counts taps, given their times in seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._taps: list[float] = []

    @property
    def taps(self) -> int:
        """How many taps the tempo is made from."""
        return len(self._taps)

    def tap(self, now: float) -> int | None:
        """One tap; the tempo so far in beats a minute, None before the second one."""
        if self._taps and not 0 <= now - self._taps[-1] <= PAUSE_SECONDS:
            self._taps.clear()
        self._taps = [*self._taps[-REMEMBERED:], now]
        return self.bpm

    @property
    def bpm(self) -> int | None:
        """The tempo, held to what a recipe may say; None before the second tap."""
        intervals = [later - earlier for earlier, later in zip(self._taps, self._taps[1:], strict=False)]
        if not intervals:
            return None
        low, high = BPM
        beat = median(intervals)
        return high if beat <= 60 / high else max(low, round(60 / beat))

    def reset(self) -> None:
        """Forgets the taps."""
        self._taps.clear()
