"""Audio to spectra: one channel at the rate that a measurement works at, short-time magnitudes, mel bands."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

_FRAMES_AT_ONCE = 2048  # keeps the complex spectra of a long file out of memory


def one_channel(audio: npt.NDArray[np.floating], rate: int, target: int) -> Float:
    """The mean of the channels of ``audio`` [N] or [channels, N] at ``target`` Hz, float32 [n].

    Samples that are not finite count as zero. Raises ValueError for other shapes and rates below 1.
    """
    if audio.ndim not in (1, 2) or rate < 1:
        raise ValueError(f"audio must be [N] or [channels, N] at a rate of at least 1 Hz, not {audio.shape} at {rate}")
    mean = audio if audio.ndim == 1 else audio.mean(axis=0) if len(audio) else np.zeros(0)
    samples = np.nan_to_num(mean.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    if rate == target or not len(samples):
        return samples
    import soxr

    resampled: Float = soxr.resample(samples, rate, target, quality="HQ")
    return resampled


def magnitudes(signal: Float, size: int, hop: int) -> Float:
    """Short-time magnitudes [frames, size // 2 + 1] of ``signal`` [n], where a sine of amplitude 1 peaks at 1.

    The frames are centred on the samples 0, ``hop``, 2 ``hop`` ...; beyond the ends there is silence. Hann window.
    """
    window = hann(size)
    padded = np.pad(signal, (size // 2, size // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectra = np.empty((len(frames), size // 2 + 1), np.float32)
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        part = frames[start : start + _FRAMES_AT_ONCE] * window
        spectra[start : start + len(part)] = np.abs(np.fft.rfft(part, axis=1))
    return spectra


@cache
def hann(size: int) -> Float:
    """A periodic Hann window [size] scaled so that a full-scale sine has magnitude 1."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    scaled: Float = (window * 2 / window.sum()).astype(np.float32)
    return scaled


@cache
def mel_bank(bands: int, size: int, rate: int, low: float, high: float) -> Float:
    """Triangles of equal mel width (HTK's formula) and sum 1, [size // 2 + 1, bands], from ``low`` to ``high`` Hz.

    A band narrower than a bin takes the nearest bin, so that none is empty.
    """
    hertz = np.arange(size // 2 + 1) * rate / size
    edges = 700 * (10 ** (np.linspace(_mel(low), _mel(high), bands + 2) / 2595) - 1)
    below, peak, above = edges[:-2], edges[1:-1], edges[2:]
    rising = (hertz[:, None] - below) / (peak - below)
    falling = (above - hertz[:, None]) / (above - peak)
    bank = np.maximum(0, np.minimum(rising, falling))
    empty = np.flatnonzero(bank.sum(axis=0) == 0)
    bank[np.abs(hertz[:, None] - peak[empty]).argmin(axis=0), empty] = 1
    scaled: Float = (bank / bank.sum(axis=0)).astype(np.float32)
    return scaled


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
