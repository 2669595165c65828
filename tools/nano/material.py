"""What the transformer is trained on: songs as latents, encoded once by the frozen half of the codec."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from engine.files import atomic_write
from engine.models.vae import VAE
from engine.prompt import caption_prompt, lyric_prompt
from engine.request import Request
from tools.nano import clock
from tools.nano.music import Song, caption, compose, lyrics, render
from tools.nano.optimise import half_precision

LENGTHS = (10, 12, 20, 10, 15, 30)
"""Seconds: the songs of one batch have one length. Most are short, so that there are more of them."""

SHARD = 96
"""Songs a file; all of one length."""

FIRST_SEED = 1_000_000
"""Seeds of the songs that are trained on; what the codec was trained on lies below, what is held out above."""


_EXCERPTS = 0.15
"""How often the prompt speaks of more seconds than there are; of so many that they cannot pass for a tempo."""


@dataclass(frozen=True)
class Shard:
    """Songs of one length: ``latents`` ``[songs, T, 64]`` float16 and the seeds that make them again."""

    seconds: int
    first: int
    latents: Tensor

    def song(self, index: int) -> Song:
        """The song that the latents are of."""
        return compose(self.first + index, duration=float(self.seconds))


def shard_seconds(number: int) -> int:
    """The length of a shard's songs."""
    return LENGTHS[number * 5 % len(LENGTHS)]


def make_shard(vae: VAE, number: int, folder: Path) -> Path:
    """Synthesises and encodes one shard, or leaves it as it is."""
    path = folder / f"{number:04d}.safetensors"
    if path.exists():
        return path
    seconds, first = shard_seconds(number), FIRST_SEED + number * SHARD
    device = next(vae.parameters()).device
    rows = []
    for seed in range(first, first + SHARD):
        audio = torch.from_numpy(render(compose(seed, duration=float(seconds)))).unsqueeze(0).to(device)
        with torch.no_grad(), half_precision(device):
            rows.append(vae.encode(audio)[0].half().cpu())
    path.parent.mkdir(parents=True, exist_ok=True)
    shard = save({"latents": torch.stack(rows)})

    def write(file: BinaryIO) -> None:
        file.write(shard)

    atomic_write(path, write)
    return path


def make_shards(vae: VAE, count: int, folder: Path, minutes: float) -> int:
    """Makes shards until there are ``count`` or the minutes are up; how many there are."""
    began = time.monotonic()
    for number in range(count):
        if time.monotonic() - began > 60 * minutes:
            return number
        make_shard(vae, number, folder)
        print(f"shard {number + 1} of {count} after {time.monotonic() - began:.0f} s", flush=True)
    return count


class Material:
    """All shards that there are."""

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise FileNotFoundError(f"There are no shards in {folder}: run `python -m tools.nano latents` first.")
        self.shards = [
            Shard(shard_seconds(int(f.stem)), FIRST_SEED + int(f.stem) * SHARD, load_file(f)["latents"]) for f in files
        ]
        self._weights = np.array([1.0 / shard.seconds for shard in self.shards])
        self._weights /= self._weights.sum()

    def batch(self, rng: np.random.Generator, seconds_of_music: float) -> tuple[Shard, np.ndarray]:
        """One shard and the songs to take from it: always about as much music."""
        shard = self.shards[int(rng.choice(len(self.shards), p=self._weights))]
        songs = shard.latents.shape[0]
        count = min(songs, max(2, round(seconds_of_music / shard.seconds)))
        return shard, rng.choice(songs, size=count, replace=False)


def prompts(song: Song, rng: np.random.Generator, instruction: str | None = None) -> tuple[str, str]:
    """Caption and lyric prompt of a song; now and then one that leaves something open, as people do."""
    request = Request(
        caption=caption(song, rng) if rng.random() > 0.05 else "",
        lyrics=lyrics(song) if rng.random() > 0.25 else "[Instrumental]",
        bpm=song.bpm if rng.random() > 0.05 else None,
        keyscale=song.key if rng.random() > 0.1 else "",
        timesignature=str(song.meter) if rng.random() > 0.2 else "",
        vocal_language="unknown" if rng.random() > 0.1 else "en",
        duration=song.duration,
    )
    seconds = song.duration if rng.random() > _EXCERPTS else float(rng.integers(clock.FASTEST + 1, 600))
    return caption_prompt(request, seconds, instruction=instruction), lyric_prompt(request)
