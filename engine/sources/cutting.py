"""A part of a source as it is, faded where it is wanted: nothing is made, and its latents go with it."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor

from engine.events import Progress, Remark, TakeReady
from engine.request import Request
from engine.sources.reading import Reader
from engine.sources.regions import crop_of
from engine.take import Take


def cut(
    request: Request, reader: Reader, identity: Mapping[str, Any]
) -> Generator[Progress | Remark | TakeReady, None, None]:
    """The takes of a resolved request for a crop; all of a batch are the same. Raises InvalidRequest."""
    began = time.perf_counter()
    yield Progress("conditions", 0, 1)
    source, grid = (yield from reader.source(request)), reader.grid
    start, stop = crop_of(request, source.samples, grid)
    whole = source.audio if source.decoded is None else source.decoded
    audio = faded(whole[:, start:stop].clone(), grid.samples(request.fade_in), grid.samples(request.fade_out))
    latents = source.latents[start // grid.hop : grid.frames(stop)].clone()
    yield Progress("conditions", 1, 1)
    for index, seed in enumerate(request.seeds):
        take = Take(
            audio=audio,
            latents=latents,
            seed=seed,
            request=request.replace(seed=seed, seeds=(seed,), batch_size=1, duration=audio.shape[1] / grid.rate),
            gain=source.gain,
            timings={"conditions": time.perf_counter() - began},
            identity={**identity, "lanes": 1},
            layout={"index": index, "size": len(request.seeds), "lanes": 1},
        )
        yield TakeReady(take, index)


def faded(audio: Tensor, fade_in: int, fade_out: int) -> Tensor:
    """``audio`` ``[2, samples]`` that rises over the first samples and falls over the last, as half a cosine does."""
    for length, place in ((min(fade_in, audio.shape[1]), 0), (min(fade_out, audio.shape[1]), 1)):
        if length:
            rising = (1 - torch.cos(torch.linspace(0, math.pi, length))) / 2
            part = audio[:, -length:] if place else audio[:, :length]
            part.mul_(rising.flip(0) if place else rising)
    return audio
