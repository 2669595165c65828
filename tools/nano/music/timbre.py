"""Pitched sounds: one exact period-tile per pitch, made in the frequency domain, repeated and shaped by envelopes.

A tile holds a whole number of cycles in a whole number of samples, so a note of any length costs one copy and one
multiplication, and nothing aliases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]

SAMPLE_RATE = 48000
_TILE = 4096
_HIGHEST_HZ = 9000.0


@dataclass(frozen=True)
class Timbre:
    """How an instrument sounds. Times are seconds, frequencies Hz."""

    shape: str
    cutoff: float
    """Above it partials fall by 12 dB an octave."""
    attack: float = 0.004
    decay: float = 0.0
    """Time constant of the body; 0 holds it."""
    release: float = 0.03
    bite: float = 0.0
    """Level of the bright start (four times the cutoff), against the body's."""
    bite_decay: float = 0.08
    detune: float = 0.0
    """Cents between two voices; they lie left and right where ``wide``."""
    wide: bool = False
    drive: float = 0.0
    """Gain into a soft clipper, or none; a chord's first pitch then brings fifth and octave, the rest stays clean."""
    level: float = 0.2
    pan: float = 0.0
    """-1 (left) to 1 (right)."""


def partials(shape: str, count: int) -> FloatArray:
    """Amplitudes of harmonics 1 to ``count``."""
    k = np.arange(1, count + 1, dtype=np.float32)
    odd = k % 2
    match shape:
        case "sine":
            amps = np.where(k == 1, 1.0, 0.0)
        case "saw":
            amps = 1 / k
        case "square":
            amps = 1.2 * odd / k
        case "pulse":
            amps = 1.4 * np.abs(np.sin(np.pi * k / 4)) / k
        case "triangle":
            amps = 1.2 * odd / k**2
        case "organ":
            amps = np.where(np.isin(k, (1, 2, 3, 4, 6, 8)), 0.8 / np.sqrt(k), 0.0)
        case "pluck":
            amps = 1.5 * np.abs(np.sin(np.pi * k * 0.21)) / k**1.1
        case "piano":
            amps = 1.1 / k**1.4
        case "tine":
            amps = np.where(k == 1, 1.1, np.where(k == 2, 0.25, np.where(k == 4, 0.12, 0.0)))
        case "flute":
            amps = np.where(k <= 5, 1.1 * np.float32(0.4) ** (k - 1), 0.0)
        case "bow":
            amps = (0.6 + 0.4 * np.cos(k * 1.3)) / k**0.9
        case _:
            raise ValueError(f"no shape {shape!r}")
    return np.asarray(amps, dtype=np.float32)


def hertz(pitch: float) -> float:
    """Frequency of a MIDI number in equal temperament at A4 = 440 Hz."""
    return 440.0 * float(2.0 ** ((pitch - 69) / 12))


def tile(frequency: float, timbre: Timbre, cutoff: float, drive: float = 0.0) -> FloatArray:
    """Whole cycles of the tone, [about 4096] samples, to be repeated."""
    cycles = max(1, round(_TILE * frequency / SAMPLE_RATE))
    length = round(cycles * SAMPLE_RATE / frequency)
    count = max(1, int(_HIGHEST_HZ / frequency))
    if drive:
        cycles, length = 2 * cycles, 2 * length
    amps = partials(timbre.shape, count)
    k = np.arange(1, count + 1, dtype=np.float32)
    filtered = amps / np.sqrt(1 + (k * np.float32(frequency / cutoff)) ** 4)
    spectrum = np.zeros(length // 2 + 1, dtype=np.complex64)
    spectrum[cycles : cycles * count + 1 : cycles] = filtered * (-0.5j * length)
    if drive:
        _power_chord(spectrum, cycles, amps, length)
    wave = np.fft.irfft(spectrum, length).astype(np.float32, copy=False)
    if drive:
        clipped = np.fft.rfft(np.tanh(drive * wave))
        clipped[0] = 0
        f = np.arange(len(clipped), dtype=np.float32) * np.float32(SAMPLE_RATE / length)
        clipped /= np.sqrt(1 + (f / np.float32(cutoff)) ** 4)
        clipped[f > _HIGHEST_HZ] = 0
        wave = np.fft.irfft(clipped, length).astype(np.float32, copy=False)
    return wave


def _power_chord(spectrum: npt.NDArray[np.complex64], cycles: int, amps: FloatArray, length: int) -> None:
    """Adds the just fifth and the octave to a spectrum of an even number of cycles."""
    for step, gain in ((3 * cycles // 2, 0.8), (2 * cycles, 0.5)):
        few = min(6, len(amps))
        spectrum[step : step * few + 1 : step] += gain * amps[:few] * np.complex64(-0.5j * length)


def repeat(wave: FloatArray, length: int) -> FloatArray:
    """``wave`` again and again, [length] samples."""
    return np.tile(wave, -(-length // len(wave)))[:length]


def envelope(length: int, attack: float, decay: float, release: float) -> FloatArray:
    """Linear attack, exponential decay (0: none), and a release that ends at the last of ``length`` samples."""
    if decay:
        env = np.exp(np.arange(length, dtype=np.float32) * np.float32(-1 / (decay * SAMPLE_RATE)))
    else:
        env = np.ones(length, dtype=np.float32)
    rise = min(length // 2, max(1, int(attack * SAMPLE_RATE)))
    env[:rise] *= np.arange(rise, dtype=np.float32) / np.float32(rise)
    fall = min(length - rise, max(1, int(release * SAMPLE_RATE)))
    env[length - fall :] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2
    return np.asarray(env, dtype=np.float32)


class Voice:
    """Notes of one instrument in one song; every tile, envelope and note is made once."""

    def __init__(self, timbre: Timbre) -> None:
        self.timbre = timbre
        self._tiles: dict[tuple[float, float, float], FloatArray] = {}
        self._envelopes: dict[tuple[int, float], FloatArray] = {}
        self._notes: dict[tuple[tuple[int, ...], int], FloatArray] = {}

    def note(self, pitches: tuple[int, ...], seconds: float) -> FloatArray:
        """The pitches together, held for ``seconds`` and released: [1 or 2 where wide, samples]."""
        length = int((seconds + self.timbre.release) * SAMPLE_RATE)
        key = (pitches, length)
        if key not in self._notes:
            self._notes[key] = self._render(pitches, length)
        return self._notes[key]

    def _render(self, pitches: Sequence[int], length: int) -> FloatArray:
        timbre = self.timbre
        env = self._envelope(length, timbre.decay)
        out = np.zeros((2 if timbre.wide else 1, length), dtype=np.float32)
        scale = np.float32(len(pitches) ** -0.5)
        sides = (-0.5, 0.5) if timbre.detune else (0.0,)
        for index, side in enumerate(sides):
            cents = side * timbre.detune
            sound = self._sum(pitches, cents, timbre.cutoff, length) * env
            if timbre.bite:
                short = min(length, int(5 * timbre.bite_decay * SAMPLE_RATE))
                start = self._sum(pitches, cents, 4 * timbre.cutoff, short)
                sound[:short] += timbre.bite * start * self._envelope(short, timbre.bite_decay)
            if timbre.wide:
                out[index] = sound * scale
            else:
                out[0] += sound * (scale / np.float32(len(sides)))
        return out

    def _sum(self, pitches: Sequence[int], cents: float, cutoff: float, length: int) -> FloatArray:
        out = np.zeros(length, dtype=np.float32)
        for index, pitch in enumerate(pitches):
            out += repeat(self._tile(pitch, cents, cutoff, self.timbre.drive if index == 0 else 0.0), length)
        return out

    def _tile(self, pitch: int, cents: float, cutoff: float, drive: float) -> FloatArray:
        key = (pitch + cents / 100, cutoff, drive)
        if key not in self._tiles:
            self._tiles[key] = tile(hertz(key[0]), self.timbre, cutoff, drive)
        return self._tiles[key]

    def _envelope(self, length: int, decay: float) -> FloatArray:
        key = (length, decay)
        if key not in self._envelopes:
            self._envelopes[key] = envelope(length, self.timbre.attack, decay, self.timbre.release)
        return self._envelopes[key]
