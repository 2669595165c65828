"""Audio files for tests of sources, good and bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000


def music(seconds: float, rate: int = RATE, channels: int = 2, seed: int = 1) -> np.ndarray:
    """Tones and a little noise, float32 ``[n, channels]`` at a fair level."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * 110 * (place + 1.5) * t) / (place + 2) for place in range(channels + 2))
    noise = rng.standard_normal((len(t), channels)) * 0.02
    return (0.3 * tones[:, None] + noise).astype(np.float32).clip(-0.9, 0.9)


def sound_file(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_24") -> Path:
    """The samples as a file."""
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def stored(path: Path | str) -> np.ndarray:
    """What a file holds, float32 ``[channels, n]``."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T
