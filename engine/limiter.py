"""Bringing audio to a loudness without passing a true peak: what samples say, and what lies between them (BS.1770-4).

Audio is a float32 array [channels, samples] with values in [-1, 1].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.loudness import loudness

__all__ = ["limited", "true_peak", "with_loudness"]

Audio = npt.NDArray[np.float32]

OVERSAMPLED = 4
"""How many values a sample is looked at with; BS.1770-4, annex 2, wants four at 48 kHz."""

LOOK_AHEAD_SECONDS = 0.005
_TRIES = 4
_CLOSE_LU = 0.05


def true_peak(audio: Audio, rate: int) -> float:
    """The largest absolute value that the waveform reaches, between samples too; 0 for nothing."""
    return float(_peaks(audio, rate).max(initial=0.0))


def with_loudness(audio: Audio, rate: int, target: float, ceiling_db: float = -1.0) -> tuple[Audio, float | None]:
    """``audio`` brought to ``target`` LUFS, and the loudness that it then has.

    What would pass ``ceiling_db`` dBTP is held down, which takes loudness away: the gain is raised again for that, as
    far as it helps. None, and the audio as it is, where it has no loudness.
    """
    before = loudness(audio, rate)
    if before is None:
        return audio, None
    gain, found, reached = target - before, audio, before
    for _ in range(_TRIES):
        found = limited(audio * np.float32(10 ** (gain / 20)), rate, 10 ** (ceiling_db / 20))
        now = loudness(found, rate)
        reached = now if now is not None else reached
        if abs(target - reached) <= _CLOSE_LU:
            break
        gain += min(target - reached, 3.0)
    return found, reached


def limited(audio: Audio, rate: int, ceiling: float) -> Audio:
    """``audio`` with its loud places turned down so that no true peak passes ``ceiling``; the same where none does.

    Both channels are turned down alike, smoothly, from a few milliseconds before a peak until as long after it.
    """
    needed = np.minimum(1.0, ceiling / np.maximum(_peaks(audio, rate), 1e-9))
    if needed.min(initial=1.0) >= 1.0:
        return audio
    reach = max(int(rate * LOOK_AHEAD_SECONDS), 1)
    window = np.hanning(2 * reach + 3)[1:-1]
    lowest = _running_least(needed, reach)
    padded = np.pad(lowest, reach, mode="edge")
    smooth = np.convolve(padded, window / window.sum(), mode="valid")
    turned: Audio = (audio * smooth).astype(np.float32)
    over = true_peak(turned, rate) / ceiling  # turning down moves what lies between samples a little
    return turned if over <= 1.0 else (turned / np.float32(over)).astype(np.float32)


def _peaks(audio: Audio, rate: int) -> npt.NDArray[np.float64]:
    """For every sample the largest absolute value around it, of all channels: [samples]."""
    import soxr

    samples = audio.shape[1]
    peaks: npt.NDArray[np.float64] = np.abs(audio).max(axis=0, initial=0.0).astype(np.float64)
    for channel in audio:
        finer = np.abs(soxr.resample(channel, rate, rate * OVERSAMPLED, quality="HQ"))[: samples * OVERSAMPLED]
        whole = len(finer) // OVERSAMPLED
        around = finer[: whole * OVERSAMPLED].reshape(whole, OVERSAMPLED).max(axis=1)
        peaks[:whole] = np.maximum(peaks[:whole], around)
        peaks[1:whole] = np.maximum(peaks[1:whole], around[:-1])  # what lies between two belongs to both
    return peaks


def _running_least(values: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    """The least value within ``reach`` on both sides of each."""
    width = 2 * reach + 1
    padded = np.pad(values, reach, constant_values=1.0)
    covered = 1
    while covered < width:
        step = min(covered, width - covered)
        padded = np.minimum(padded[:-step], padded[step:])
        covered += step
    return padded
