"""Sounds whose tempo and key are known: a drum machine's bars and cadences."""

import numpy as np

RATE = 48_000
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)


def clicks(bpm: float, seconds: float = 12.0) -> np.ndarray:
    """A drum machine's bar: low on one and three, noise on two and four, a quiet tick between."""
    rng = np.random.default_rng(0)
    t = np.arange(4000) / RATE
    low, high = np.sin(2 * np.pi * 60 * t) * np.exp(-30 * t), rng.standard_normal(4000) * np.exp(-60 * t)
    audio = np.zeros(round(seconds * RATE) + 8000)
    for half in range(int(seconds * bpm / 30)):
        start = round(half * 30 / bpm * RATE)
        sound = 0.05 * high if half % 2 else 0.8 * low if half % 4 == 0 else 0.3 * high
        audio[start : start + 4000] += sound
    return audio[: round(seconds * RATE)].astype(np.float32)


def chords(roots: list[tuple[int, tuple[int, ...]]], detuned: float = 0.0) -> np.ndarray:
    """A second of each chord (semitones above C), with overtones and its root in the bass."""
    t = np.arange(RATE) / RATE
    parts = []
    for root, shape in roots:
        notes = [48 + root + each for each in shape] + [36 + root]
        hertz = [440 * 2 ** ((note - 69 + detuned) / 12) for note in notes]
        parts.append(sum(np.sin(2 * np.pi * f * h * t) / h**1.5 for f in hertz for h in range(1, 6)) * np.exp(-2 * t))
    return (0.1 * np.concatenate(parts)).astype(np.float32)


def cadences(tonic: int, mode: str, detuned: float = 0.0) -> np.ndarray:
    third = MAJOR if mode == "major" else MINOR
    four = [(tonic, third), ((tonic + 5) % 12, third), ((tonic + 7) % 12, MAJOR), (tonic, third)]
    return chords(four * 2, detuned)
