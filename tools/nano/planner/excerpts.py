"""The encoded songs as codes: whole, or from the beginning of a bar on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from engine.files import atomic_write
from engine.model import Acestep
from tools.nano.clock import FRAME_RATE
from tools.nano.codes import tokenised
from tools.nano.material import LENGTHS, Shard
from tools.nano.music.song import Song

GROUP = 5
"""Frames a code."""

HELD_BACK = 16
"""The last songs of each shard are not trained on: what is learnt of the codes is tested on them."""

_AT_ONCE = 32
_WHOLE = 0.45
_ROWS = "{:04d}.{}"


def codes_of(acestep: Acestep, shards: Sequence[Shard], silence: Tensor, path: Path) -> dict[str, Tensor]:
    """The codes of all songs, read from each of the five frames on that a code may begin at; kept in ``path``.

    ``[songs, codes]`` int16 for every shard and beginning, named by both.
    """
    made = load_file(path) if path.exists() else {}
    missing = [number for number in range(len(shards)) if _ROWS.format(number, 0) not in made]
    for number in missing:
        for begin in range(GROUP):
            made[_ROWS.format(number, begin)] = _tokenised(acestep, shards[number], silence, begin)
    if missing:
        packed = save(made)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, lambda file: _write(file, packed), overwrite=True)
    return made


def _write(file: BinaryIO, packed: bytes) -> None:
    file.write(packed)


@torch.no_grad()
def _tokenised(acestep: Acestep, shard: Shard, silence: Tensor, begin: int) -> Tensor:
    rows = shard.latents[:, begin:]
    rows = rows[:, : rows.shape[1] // GROUP * GROUP]
    return torch.cat([tokenised(acestep, part.float(), silence) for part in torch.split(rows, _AT_ONCE)]).short()


class Excerpts:
    """Songs with their codes, to draw from."""

    def __init__(self, shards: Sequence[Shard], codes: dict[str, Tensor]) -> None:
        self._shards, self._codes = shards, codes
        self._weights = np.array([float(shard.seconds) for shard in shards])
        self._weights /= self._weights.sum()

    def draw(self, rng: np.random.Generator, *, held_back: bool = False) -> tuple[Song, tuple[int, ...]]:
        """A song and its codes, or those of some seconds of it from the beginning of a bar on."""
        number = int(rng.choice(len(self._weights), p=self._weights))
        shard = self._shards[number]
        songs = shard.latents.shape[0]
        kept = max(songs - HELD_BACK, 1)
        index = int(rng.integers(kept, songs)) if held_back else int(rng.integers(kept))
        song = shard.song(index)
        if rng.random() < _WHOLE:
            return song, tuple(self._codes[_ROWS.format(number, 0)][index].tolist())
        return self._excerpt(song, number, index, rng)

    def _excerpt(self, song: Song, number: int, index: int, rng: np.random.Generator) -> tuple[Song, tuple[int, ...]]:
        """It is told of as if it were the whole: with the length and the sections that it has."""
        shorter = [seconds for seconds in sorted(set(LENGTHS)) if seconds < song.duration]
        seconds = int(rng.choice([*shorter, int(song.duration)]))
        bar = song.bar_beats * song.beat_seconds
        last = int((song.duration - seconds - 1 / FRAME_RATE) / bar)
        first = int(rng.integers(max(last, 0) + 1))
        frame = round(first * bar * FRAME_RATE)
        codes = self._codes[_ROWS.format(number, frame % GROUP)][index]
        start = frame // GROUP
        inside = [
            section
            for section in song.sections
            if section.start_bar + section.bars > first and section.start_bar * bar < first * bar + seconds
        ]
        part = dataclasses.replace(song, duration=float(seconds), sections=tuple(inside) or song.sections)
        return part, tuple(codes[start : start + seconds * GROUP].tolist())
