"""What latents are made in: silence of a length, codes that they follow, or a source. Kept for the next batch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from torch import Tensor

from engine.errors import InvalidRequest
from engine.keeping import Kept
from engine.model import Model
from engine.models.dit import Memory
from engine.models.primitives import Rotary
from engine.sources.source import stretched
from engine.sources.work import Work

Codes = tuple[int, ...]


class Contexts:
    """The context ``[1, S, H]`` of a length or of codes, and the positions of a length."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._contexts: Kept[Hashable, Tensor] = Kept()
        self._rotaries: Kept[int, Rotary] = Kept()

    def rotary(self, frames: int) -> Rotary:
        """The positions of latents of that many frames."""
        return self._rotaries.get(frames, lambda: self._model.networks.decoder.rotary(frames))

    def of(self, codes: Codes, frames: int) -> Tensor:
        """What an item that follows ``codes`` is made in; nothing but silence where there are none (facts: dit.md 10).

        All of it is to be made.
        """
        return self._contexts.get((frames, codes), lambda: self._made(codes, frames))

    def of_batch(self, codes: Sequence[Codes], frames: int) -> Tensor:
        """One row where all items follow the same, else a row for each."""
        each: Mapping[Codes, Tensor] = {one: self.of(one, frames) for one in codes}
        return next(iter(each.values())) if len(each) == 1 else torch.cat([each[one] for one in codes])

    def of_work(self, work: Work) -> Tensor:
        """What all items that work on a source are made in."""
        return self._contexts.get(work.key, lambda: self._around(work))

    def latents(self, codes: Codes, frames: int) -> Tensor:
        """The latents that codes stand for, with silence behind them: ``[1, frames, 64]``."""
        networks, silence = self._model.networks, self._model.silence
        source = silence[:, :0]
        if codes:
            vectors = networks.tokenizer.quantizer.decode(torch.tensor([codes], device=silence.device))
            source = networks.detokenizer(vectors)[:, :frames]
        return torch.cat((source, stretched(silence[0], frames - source.shape[1]).unsqueeze(0)), dim=1)

    def check(self, codes: Sequence[Codes]) -> None:
        """Raises InvalidRequest for a code that the model does not have."""
        count = self._model.networks.tokenizer.quantizer.codes
        highest = max((code for one in codes for code in one), default=0)
        if highest >= count:
            raise InvalidRequest(
                f"audio_codes cannot hold {highest}: this model has the codes 0 to {count - 1}.",
                "They were made with another model.",
                field="audio_codes",
            )

    def _made(self, codes: Codes, frames: int) -> Tensor:
        source = self.latents(codes, frames)
        return self._model.networks.decoder.patch_in.context(source, torch.ones_like(source))

    def _around(self, work: Work) -> Tensor:
        source = work.heard(self._model).to(self._model.dtype)
        return self._model.networks.decoder.patch_in.context(source, work.mask().to(source).expand_as(source))


def for_all(context: Tensor, memories: Sequence[Memory]) -> Tensor:
    """The context of every row of a step: that of the items, once for each prompt."""
    return context if context.shape[0] == 1 else context.repeat(len(memories), 1, 1)
