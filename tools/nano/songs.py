"""The synthesised songs as training material: which seeds are for what, and crops of audio from a moving pool."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tools.nano.music import compose, render

_POOL = 96
_STEPS_A_SONG = 2


class Crops:
    """Crops of equal length from a pool of songs that one song leaves and one enters every other step."""

    def __init__(self, seed: int, samples: int) -> None:
        self.seed, self.samples = seed, samples
        self._songs: dict[int, np.ndarray] = {}

    def batch(self, index: int, count: int) -> Tensor:
        """``[count, 2, samples]`` float32 for a step; the same whatever was asked before."""
        newest = index // _STEPS_A_SONG + _POOL
        pool = range(newest - _POOL, newest)
        for number in [kept for kept in self._songs if kept not in pool]:
            del self._songs[number]
        for number in pool:
            if number not in self._songs:
                self._songs[number] = render(compose(self.seed + number))
        rng = np.random.default_rng([self.seed, index])
        crops = []
        for number in rng.integers(pool.start, pool.stop, count):
            song = self._songs[int(number)]
            start = int(rng.integers(0, song.shape[1] - self.samples + 1))
            crops.append(song[:, start : start + self.samples])
        return torch.from_numpy(np.stack(crops)) * float(rng.uniform(0.5, 1.1))
