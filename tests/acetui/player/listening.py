"""Sounds to play, and ears: what the mixer hands out, kept."""

from __future__ import annotations

import time
from array import array
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from acetui.player.mixer import Mixer
from acetui.player.sounds import RATE, Sound

Samples = npt.NDArray[np.float32]


def noise(seconds: float, seed: int = 0) -> Samples:
    """Stereo noise [frames, 2], on the steps of 24 bits: every sample of it tells where one is."""
    drawn = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * RATE), 2))
    return (np.round(drawn * 2**23) / 2**23).astype(np.float32)


def written(folder: Path, samples: Samples, name: str = "take.flac", loudness: float | None = None) -> Sound:
    """The samples as a file of 24 bits, and the sound that it is."""
    path = folder / name
    soundfile.write(path, samples, RATE, subtype="PCM_24" if path.suffix in (".flac", ".wav") else None)
    return Sound(name, path, len(samples) / RATE, loudness)


def ready(mixer: Mixer) -> None:
    """Waits until the next pull has what it needs."""
    until = time.monotonic() + 20.0
    while not mixer.ready:
        assert time.monotonic() < until, "nothing was decoded"
        time.sleep(0.001)


class Ears:
    """Pulls as a device does, only as fast as decoding allows."""

    def __init__(self, mixer: Mixer, period: int = 1440) -> None:
        self.mixer = mixer
        self.period = period
        self.heard = array("f")

    def listen(self, seconds: float) -> Samples:
        """So much more, in whole periods; all that was heard till now is in ``heard``."""
        before = len(self.heard)
        for _ in range(round(seconds * RATE / self.period)):
            self._patient()
            self.heard.extend(self.mixer.pull(self.period))
        return as_frames(self.heard[before:])

    def _patient(self) -> None:
        ready(self.mixer)
        for voice in (self.mixer._now, self.mixer._next, self.mixer._wrap, self.mixer._after):
            if voice is not None:
                voice.stream.wait(2 * self.period, 20.0)


def as_frames(samples: array[float]) -> Samples:
    """[frames, 2]."""
    return np.frombuffer(samples, dtype=np.float32).reshape(-1, 2)
