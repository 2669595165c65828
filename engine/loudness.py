"""Integrated loudness after ITU-R BS.1770-4, in numpy alone.

The K-weighting is applied to overlapping blocks in the frequency domain. Its impulse response dies away within a tenth
of a second (to 2e-10 of its peak), so a block whose first tenth is thrown away equals the recursive filter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["loudness"]

# BS.1770-4, tables 1 and 2: (numerator, denominator) of the two filters at 48 kHz.
_TABLE_RATE = 48_000
_HEAD_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_LOW_CUT = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))

_HOPS_PER_SECOND = 10
_HOPS_PER_WINDOW = 4  # gating windows last 0.4 s and start every 0.1 s
_HOPS_PER_BLOCK = 10
_OFFSET_DB = -0.691
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE = 0.1  # 10 LU below the mean of what passed the absolute gate


def loudness(audio: npt.NDArray[np.float32], rate: int) -> float | None:
    """Integrated loudness in LUFS of ``audio`` [channels, n], float in [-1, 1], at ``rate`` Hz.

    Mono or stereo: every channel has weight 1. None for less than 0.4 s and for what is silent (all below -70 LUFS).
    A 997 Hz sine at full scale in one channel measures -3.01 LUFS. Source: ITU-R BS.1770-4, annex 1.
    """
    hop_power = _hop_power(audio, rate)
    if len(hop_power) < _HOPS_PER_WINDOW:
        return None
    window_power = np.convolve(hop_power, np.full(_HOPS_PER_WINDOW, 1 / _HOPS_PER_WINDOW), mode="valid")
    heard = window_power[window_power > 10 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_DB) / 10)]
    if not len(heard):
        return None
    loud = heard[heard > _RELATIVE_GATE * heard.mean()]
    return float(_OFFSET_DB + 10 * np.log10(loud.mean()))


def _hop_power(audio: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float64]:
    """Mean square of the K-weighted signal, summed over channels, for every whole tenth of a second: [hops]."""
    channels, samples = audio.shape
    hop = rate // _HOPS_PER_SECOND
    hops = samples // hop
    response = _k_weighting((1 + _HOPS_PER_BLOCK) * hop, rate)
    power = np.zeros(hops)
    for first in range(0, hops, _HOPS_PER_BLOCK):
        count = min(_HOPS_PER_BLOCK, hops - first)
        block = np.zeros((channels, (1 + _HOPS_PER_BLOCK) * hop), dtype=np.float32)
        known = audio[:, max(0, (first - 1) * hop) : (first + count) * hop]  # one hop of history, but for the first
        start = 0 if first else hop
        block[:, start : start + known.shape[1]] = known
        weighted = np.fft.irfft(np.fft.rfft(block) * response, block.shape[1])
        kept = weighted[:, hop : (1 + count) * hop].reshape(channels, count, hop)
        power[first : first + count] = np.einsum("cht,cht->h", kept, kept) / hop
    return power


def _k_weighting(size: int, rate: int) -> npt.NDArray[np.complex64]:
    """Frequency response of both filters at the bins of a real FFT of ``size`` samples at ``rate`` Hz.

    The tables hold for 48 kHz; their curve is read at each bin's frequency in Hz, so it serves every rate.
    """
    hertz = np.minimum(np.fft.rfftfreq(size, 1 / rate), _TABLE_RATE / 2)
    delay = np.exp(-2j * np.pi * hertz / _TABLE_RATE)
    response = np.ones_like(delay)
    for numerator, denominator in (_HEAD_SHELF, _LOW_CUT):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.asarray(response, dtype=np.complex64)
