"""Reference audio as the timbre encoder hears it: three stretches of each clip, thirty seconds in all (dit.md 9)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.keeping import Kept
from engine.model import Model
from engine.request import Request
from engine.sampling.noise import REFERENCE_CROP, uniform
from engine.sources.reading import Reader

_PARTS = 3


@dataclass(frozen=True)
class Clips:
    """Reference clips ``[R, frames, 64]``; ``key`` says which they are, and from where in them."""

    key: tuple[Hashable, ...]
    latents: Tensor = field(compare=False, repr=False)


class Timbres:
    """Encodes references for a model, and remembers the last few."""

    def __init__(self, model: Model, reader: Reader) -> None:
        self._model = model
        self._reader = reader
        self._kept: Kept[Hashable, Tensor] = Kept()

    def of(self, request: Request) -> Clips | None:
        """The clips of a resolved request; None where it has none. The plan's seed chooses where they are cut.

        Raises InvalidRequest for a file that is no music.
        """
        names = tuple(dict.fromkeys(((request.reference_audio or ""), *request.more_reference_audio)))
        found = []
        for place, name in enumerate(name for name in names if name):
            audio, state = self._reader.clip(name)
            draws = uniform(request.plan_seed or 0, REFERENCE_CROP + place, _PARTS)
            found.append(((state, *draws), self._encoded(audio, state, draws)))
        if not found:
            return None
        return Clips(tuple(key for key, _ in found), torch.cat([latents for _, latents in found]))

    def _encoded(self, audio: Tensor, state: Hashable, draws: Sequence[float]) -> Tensor:
        model = self._model
        part = model.config.timbre_fix_frame // _PARTS * model.vae.config.hop

        def encode() -> Tensor:
            heard = thirds(audio, part, draws)
            return model.vae.encode(heard.unsqueeze(0).to(model.device, model.dtype)).to(model.dtype)

        return self._kept.get((state, *draws), encode)


def thirds(audio: Tensor, part: int, draws: Sequence[float]) -> Tensor:
    """``part`` samples from each third of ``audio`` ``[2, samples]``, from where ``draws`` (0 to 1) say.

    Audio of less than three parts is repeated until it has as many.
    """
    short = _PARTS * part
    if audio.shape[1] < short:
        audio = audio.repeat(1, -(-short // audio.shape[1]))
    third = audio.shape[1] // _PARTS
    ends = [(place + 1) * third for place in range(_PARTS - 1)] + [audio.shape[1]]
    starts = [
        place * third + int(draw * (end - place * third - part + 1))
        for place, (draw, end) in enumerate(zip(draws, ends, strict=True))
    ]
    return torch.cat([audio[:, start : start + part] for start in starts], dim=1)
