"""Drum sounds: swept sines and shaped noise, [samples] each.

The noise is the same in every song (only its filter and envelope differ): a small codec can learn it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tools.nano.music.timbre import SAMPLE_RATE, FloatArray

_NOISE_LENGTH = 1 << 15
_NOISE_SPECTRUM = np.fft.rfft(np.random.default_rng(7).standard_normal(_NOISE_LENGTH).astype(np.float32))
_NOISE_HZ = np.fft.rfftfreq(_NOISE_LENGTH, 1 / SAMPLE_RATE).astype(np.float32)


def noise(low: float, high: float, seconds: float, decay: float) -> FloatArray:
    """Noise between two frequencies (soft edges), dying away with time constant ``decay``; rms about 1 at its start."""
    with np.errstate(divide="ignore"):
        band = 1 / np.sqrt((1 + (np.float32(low) / _NOISE_HZ) ** 6) * (1 + (_NOISE_HZ / np.float32(high)) ** 6))
    wave = np.fft.irfft(_NOISE_SPECTRUM * band)[: int(seconds * SAMPLE_RATE)].astype(np.float32, copy=False)
    return _shaped(wave / np.float32(np.sqrt(np.mean(wave**2))), decay)


def sweep(start: float, end: float, bend: float, seconds: float, decay: float) -> FloatArray:
    """A sine whose frequency falls from ``start`` to ``end`` Hz with time constant ``bend``."""
    t = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    phase = end * t + (start - end) * bend * (1 - np.exp(-t / np.float32(bend)))
    return _shaped(np.cos(np.float32(2 * np.pi) * phase), decay)


def _shaped(wave: FloatArray, decay: float) -> FloatArray:
    t = np.arange(len(wave), dtype=np.float32) / np.float32(SAMPLE_RATE)
    fall = np.minimum(1, np.arange(len(wave), 0, -1, dtype=np.float32) / 480)
    return np.asarray(wave * np.exp(-t / np.float32(decay)) * fall, dtype=np.float32)


def _mixed(*sounds: FloatArray) -> FloatArray:
    out = np.zeros(max(len(sound) for sound in sounds), dtype=np.float32)
    for sound in sounds:
        out[: len(sound)] += sound
    return out


def drum(name: str, kit: str, character: Mapping[str, float], tonic: int) -> FloatArray:
    """One sound of a kit; ``character`` has ``bright`` and ``tight`` (0 to 1); timpani are tuned to ``tonic``."""
    bright, tight = character["bright"], character["tight"]
    tone = 0.7 + 0.6 * bright
    short = 1.3 - 0.6 * tight
    match name:
        case "kick":
            return _kick(kit, tone, short)
        case "snare":
            return _snare(kit, tone, short)
        case "clap":
            burst = noise(900 * tone, 4000 * tone, 0.2, 0.05 * short)
            first = noise(900 * tone, 4000 * tone, 0.02, 0.006)
            return 0.22 * _mixed(burst, first, np.concatenate([np.zeros(480, dtype=np.float32), first]))
        case "hat":
            high = {"noise": 9000.0, "brushed": 8000.0, "dusty": 8000.0}.get(kit, 12000.0)
            return 0.11 * noise(5500 * tone, high, 0.08, 0.018 * short)
        case "open hat":
            return 0.11 * noise(5000 * tone, 12000, 0.25, 0.07 * short)
        case "crash":
            return 0.1 * noise(3000 * tone, 11000, 0.65, 0.22)
        case "shaker":
            return 0.1 * noise(3500 * tone, 8000, 0.09, 0.025 * short)
        case "rim":
            return 0.3 * _mixed(
                sweep(1900 * tone, 1500 * tone, 0.01, 0.06, 0.012), 0.2 * noise(1500, 6000, 0.04, 0.008)
            )
        case "timpani":
            pitch = 440.0 * 2.0 ** ((36 + tonic % 12 - 69) / 12)
            return 0.5 * _mixed(sweep(pitch * 1.06, pitch, 0.03, 0.8, 0.25), 0.15 * noise(80, 600, 0.1, 0.03))
        case _:
            raise ValueError(f"no drum {name!r}")


def _kick(kit: str, tone: float, short: float) -> FloatArray:
    match kit:
        case "machine":
            return 0.75 * _mixed(sweep(260 * tone, 50, 0.025, 0.3, 0.11 * short), 0.08 * noise(2000, 6000, 0.02, 0.004))
        case "dusty":
            return 0.75 * _mixed(sweep(150 * tone, 55, 0.03, 0.25, 0.09 * short), 0.06 * noise(500, 3000, 0.03, 0.01))
        case "pulse":
            return 0.45 * sweep(170 * tone, 110, 0.02, 0.25, 0.06 * short)
        case "noise":
            square = np.sign(sweep(300 * tone, 60, 0.03, 0.14, 9.0))
            return np.asarray(0.4 * square * np.linspace(1, 0, len(square)), dtype=np.float32)
        case "brushed":
            return 0.5 * sweep(110 * tone, 62, 0.02, 0.22, 0.08 * short)
        case _:
            return 0.75 * _mixed(sweep(200 * tone, 58, 0.02, 0.22, 0.07 * short), 0.12 * noise(1500, 5000, 0.03, 0.006))


def _snare(kit: str, tone: float, short: float) -> FloatArray:
    match kit:
        case "gated":
            gate = noise(400, 7000 * tone, 0.2 * short, 0.6)
            return 0.2 * _mixed(gate, 1.5 * sweep(260, 180, 0.02, 0.12, 0.05))
        case "noise":
            return 0.2 * noise(800, 9000 * tone, 0.12, 0.045 * short)
        case "dusty":
            return 0.2 * _mixed(noise(700, 5000 * tone, 0.18, 0.05 * short), 1.6 * sweep(280, 190, 0.01, 0.1, 0.035))
        case _:
            return 0.22 * _mixed(noise(900, 8000 * tone, 0.22, 0.07 * short), 1.7 * sweep(300, 200, 0.015, 0.14, 0.05))
