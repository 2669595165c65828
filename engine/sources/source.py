"""A source in memory: how it sounds, its latents, and how loud they are to be."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sources.regions import Grid


@dataclass(frozen=True, eq=False)
class Source:
    """Audio to work on. What it sounds like is never changed; what is made of it starts from the latents."""

    audio: Tensor
    """float32 ``[2, samples]`` on CPU, as it is stored."""

    latents: Tensor
    """float32 ``[T, 64]`` on CPU: those that it was decoded from, or its encoding."""

    gain: float
    """What decoded latents are multiplied by to be as loud as the audio is."""

    key: Hashable
    """The same for the same files in the same state."""

    decoded: Tensor | None = None
    """The audio before it was rounded as it is stored, where it was decoded from the latents just now."""

    joint: tuple[int, int] | None = None
    """The samples ``[start, stop)`` between two parts, where it was joined of them."""

    @property
    def samples(self) -> int:
        """Its length."""
        return self.audio.shape[1]


def joined(first: Source, second: Source, gap: float, silence: Tensor, grid: Grid) -> Source:
    """``second`` behind ``first`` with ``gap`` seconds of silence (``[frames, 64]``) between them.

    Both come to the lower of their gains, so that latents are equally loud throughout. Of ``first`` the whole frames
    count: the joint is made anew anyway.
    """
    frames, between = first.samples // grid.hop, grid.frames(grid.samples(gap))
    gain = min(first.gain, second.gain)
    start = frames * grid.hop
    stop = start + between * grid.hop
    parts = (first.audio[:, :start] * (gain / first.gain), second.audio * (gain / second.gain))
    nothing = parts[0].new_zeros(parts[0].shape[0], between * grid.hop)
    return Source(
        audio=torch.cat((parts[0], nothing, parts[1]), dim=1),
        latents=torch.cat((first.latents[:frames], stretched(silence, between), second.latents)),
        gain=gain,
        key=(first.key, second.key, between),
        joint=(start, stop),
    )


def stretched(silence: Tensor, frames: int) -> Tensor:
    """The first ``frames`` of silence ``[any, 64]`` without an end."""
    return silence.repeat(-(-frames // silence.shape[0]), 1)[:frames]
