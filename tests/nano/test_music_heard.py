"""Tempo and key as plain textbook estimators hear them; nothing in them was fitted to these songs."""

import numpy as np

from tools.nano.music import STYLES, compose, render
from tools.nano.music.theory import KEYS

RATE = 48000
HOP = 512
# Krumhansl and Kessler, "Tracing the dynamic changes in perceived tonal organization", 1982.
PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)


def magnitudes(audio, size, hop):
    frames = np.lib.stride_tricks.sliding_window_view(audio.mean(axis=0), size)[::hop]
    return np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1))


def heard_tempo(audio):
    """The autocorrelation of onsets, a comb of eight beats, and a wide prior around 115."""
    rises = np.diff(np.log1p(5 * magnitudes(audio, 1024, HOP)[:, :256]), axis=0)
    onsets = np.maximum(rises, 0).sum(axis=1)
    onsets = onsets - onsets.mean()
    spectrum = np.fft.rfft(onsets, 4 * len(onsets))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(onsets)]
    candidates = np.exp(np.arange(np.log(50), np.log(200), 0.001))
    lags = np.arange(1, 9) * (60 * RATE / HOP / candidates)[:, None]
    fit = np.interp(lags, np.arange(len(onsets)), correlation).mean(axis=1)
    return candidates[np.argmax(fit * np.exp(-0.5 * np.log2(candidates / 115) ** 2))]


def heard_key(audio):
    size = 16384
    spectra = magnitudes(audio, size, size // 2)
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    kept = (hertz > 60) & (hertz < 1000)
    even = np.sqrt(spectra[:, kept])
    pitches = np.rint(69 + 12 * np.log2(hertz[kept] / 440)).astype(int) % 12
    chroma = np.bincount(pitches, (even / even.sum(axis=1, keepdims=True)).sum(axis=0), 12)
    chroma = chroma / np.bincount(pitches, minlength=12)
    fits = [np.corrcoef(chroma, np.roll(PROFILES[i % 2], i // 2))[0, 1] for i in range(24)]
    return KEYS[int(np.argmax(fits))]


def figures(first, count, duration):
    """Shares of songs whose tempo (up to an octave, within 2 %) and key are heard; not 6/8, which is felt in two."""
    tempi, keys = [], []
    for seed in range(first, first + count):
        song = compose(seed, duration=duration, style=STYLES[seed % 8])
        audio = render(song)
        heard = heard_tempo(audio)
        if song.meter != 6:
            tempi.append(min(abs(heard / (song.bpm * level) - 1) for level in (0.5, 1, 2)) < 0.02)
        keys.append(heard_key(audio) == song.key)
    return float(np.mean(tempi)), float(np.mean(keys))


def test_tempo_and_key_can_be_heard():
    tempo, key = figures(7000, 24, 14.0)
    assert tempo >= 0.85
    assert key >= 0.85
