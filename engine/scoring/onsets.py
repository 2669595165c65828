"""Where notes begin: spectral flux in a few bands (Böck and Widmer 2013, without the vibrato suppression)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.scoring.spectra import Float, magnitudes, mel_bank, one_channel

FRAME_RATE = 200
"""Envelope values a second."""

BANDS = 6
"""Groups of neighbouring mel bands that are kept apart, from the lowest to the highest."""

_RATE = 24_000
_HOP = _RATE // FRAME_RATE
_SIZE = 1024
_MELS = 48
_COMPRESSION = 1000.0  # log(1 + 1000 m): a sine 60 dB below full scale already counts for something
_LAG = 3  # frames between what is compared; about the rise of a note as the window smears it
_LOCAL_MEAN = FRAME_RATE // 2  # frames
_LONGEST = 12  # seconds of lag: the further apart, the finer the tempo
_NO_ENERGY = 1e-9


def envelope(audio: npt.NDArray[np.floating], rate: int) -> Float:
    """Onset strength [BANDS, frames] at ``FRAME_RATE``, at least 0; each band's slow part is taken away.

    For audio [N] or [channels, N]. Silence gives zeros.
    """
    spectra = magnitudes(one_channel(audio, rate, _RATE), _SIZE, _HOP)
    loud = np.log1p(_COMPRESSION * (spectra @ mel_bank(_MELS, _SIZE, _RATE, 30, _RATE / 2)))
    flux = np.zeros_like(loud)
    flux[_LAG:] = np.maximum(0, loud[_LAG:] - loud[:-_LAG])
    bands = flux.reshape(len(flux), BANDS, _MELS // BANDS).mean(axis=2).T
    kernel = np.ones(_LOCAL_MEAN, np.float32) / _LOCAL_MEAN
    slow = np.stack([np.convolve(band, kernel)[_LOCAL_MEAN // 2 :][: len(band)] for band in bands])
    peaks: Float = np.maximum(0, bands - slow).astype(np.float32)
    return peaks


def periodicity(bands: Float) -> Float:
    """The autocorrelation of each band's onsets [bands, lags up to 12 s], 1 at lag 0 but for a slight smoothing.

    What is summed shrinks as the lag grows; that is made up for. A band without onsets has zeros.
    """
    frames = bands.shape[1]
    lags = min(frames, _LONGEST * FRAME_RATE + 2)
    if not lags:
        return np.zeros((len(bands), 1), np.float32)
    size = 1 << (frames + lags).bit_length()
    power = np.abs(np.fft.rfft(bands - bands.mean(axis=1, keepdims=True), size, axis=1)) ** 2
    raw = np.fft.irfft(power, size, axis=1)[:, :lags]
    fair = raw * (frames / (frames - np.arange(lags)))
    energy = raw[:, :1]
    normal = np.divide(fair, energy, out=np.zeros_like(fair), where=energy > _NO_ENERGY)
    padded = np.pad(normal, ((0, 0), (1, 1)), mode="reflect" if lags > 1 else "edge")
    smooth: Float = (0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]).astype(np.float32)
    return smooth
