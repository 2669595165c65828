"""What the models themselves say of a take, right after it is decoded: scores of its own words, at little cost.

The music model is asked once more, through its first layers, what it looked at while each moment was made; the planner,
where it is loaded anyway, what it recalls of the words from the codes. Both are facts for the scores, which are worked
out beside the next take (``engine.scoring.words``). docs/scores.md has what it costs.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream
from torch import Tensor

from engine.model import Model
from engine.models.listening_in import attention_to_words, heads_of
from engine.models.text import lyric_tokens
from engine.planner.planning import Planning
from engine.planner.recall import Recalled
from engine.prompt import lyric_header, lyric_prompt
from engine.request import Request
from engine.resolve import settled
from engine.run import Run
from engine.scoring.ranking import VOCAL, kind_of
from engine.take import Take

_END = "<|endoftext|>"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overheard:
    """What was found out about one take; empty where there was nothing to ask, or nobody."""

    attention: npt.NDArray[np.float32] | None = None
    """Of the heads that follow the words, ``[heads, tokens, S]``."""

    planned: npt.NDArray[np.float32] | None = None
    """The same for pure noise in place of the take: what its codes alone say of the words. None without codes."""

    texts: tuple[str, ...] = ()
    """What each of the tokens says."""

    recalled: Recalled = field(default_factory=Recalled)
    by_sound: bool = False
    """Whether that was recalled of codes that the take's latents come to, because it has none of its own."""


class Overhearing:
    """Asks a model, and its planner if it is loaded."""

    def __init__(self, model: Model, planning: Planning) -> None:
        self._model, self._planning = model, planning
        self._planned: tuple[weakref.ref[Run], tuple[int, ...], npt.NDArray[np.float32]] | None = None
        """What the codes of the last take have said, of which run: siblings have the same."""

    def recalled(self, request: Request, codes: Sequence[Sequence[int]]) -> tuple[Recalled, ...]:
        """What the planner recalls of a request from each of some codes; to be asked while it is there.

        Nothing where it is not, or where that fails: the takes are what counts.
        """
        planner = self._planning.loaded
        if planner is None or not any(codes):
            return ()
        fields = ("bpm", "keyscale", "timesignature", "duration")
        metadata = {name: getattr(request, name) for name in fields}
        lyrics = request.lyrics if kind_of(request.to_dict()) == VOCAL else ""
        try:
            recall = planner.recall()
            different = {tuple(each) for each in codes}  # siblings have the same
            known = {each: recall.of(each, request.caption, lyrics, metadata) for each in different}
            return tuple(known[tuple(each)] for each in codes)
        except (RuntimeError, MemoryError):  # memory that ran out, most of all
            _log.exception("the planner could not be asked what it recalls")
            return ()

    def onto(self, take: Take, run: Run, latents: Tensor, context: Tensor, recalled: Sequence[Recalled]) -> Take:
        """The take with what was found out about it; where looking at the words fails, the take counts without.

        ``latents`` are clean, ``[T, 64]``; ``context`` ``[1, S, H]`` is what they were made in; ``recalled`` what was
        recalled of each item's codes, if anything was. A take without codes (a repaint, a cover) is asked by its sound.
        """
        began = time.perf_counter()
        attention: npt.NDArray[np.float32] | None = None
        planned: npt.NDArray[np.float32] | None = None
        texts: tuple[str, ...] = ()
        try:
            attention, texts = self._looked(run, latents, context, run.plan.steps)
            if attention is not None and take.codes:
                planned = self._by_codes(run, tuple(take.codes), latents, context)
        except (RuntimeError, MemoryError):
            _log.exception("a take could not be looked at with its model")
        index = take.layout["index"]
        if by_sound := not take.codes and self._planning.loaded is not None:
            words = self._by_sound(run.request, take.latents)
        else:
            words = recalled[index] if index < len(recalled) else Recalled()
        found = Overheard(attention, planned, texts, words, by_sound)
        return replace(take, overheard=found, timings={**take.timings, "score": time.perf_counter() - began})

    def _by_sound(self, request: Request, latents: Tensor) -> Recalled:
        """What is recalled of the codes that ``latents`` come to."""
        model = self._model
        try:
            codes = model.networks.tokenizer(latents.unsqueeze(0).to(model.device, model.dtype), model.silence)
            return next(iter(self.recalled(request, codes.tolist())), Recalled())
        except (RuntimeError, MemoryError):
            _log.exception("a take could not be put into codes")
            return Recalled()

    def _by_codes(
        self, run: Run, codes: tuple[int, ...], latents: Tensor, context: Tensor
    ) -> npt.NDArray[np.float32] | None:
        """The attention where there is nothing but noise yet: a look before the first step, which is one of one."""
        if self._planned is None or self._planned[0]() is not run or self._planned[1] != codes:
            found, _ = self._looked(run, latents, context, 1)
            if found is None:
                return None
            self._planned = weakref.ref(run), codes, found
        return self._planned[2]

    def _looked(
        self, run: Run, latents: Tensor, context: Tensor, steps: int
    ) -> tuple[npt.NDArray[np.float32] | None, tuple[str, ...]]:
        """The attention to the words, and what these say; nothing without words, or heads that follow them.

        The look is at the last of so many ``steps``: of one step, nothing of ``latents`` is seen.
        """
        request = settled(run.request)
        heads = heads_of(self._model.config)
        if not heads or not run.memories[0].keys or kind_of(request.to_dict()) != VOCAL:
            return None, ()
        words, texts = spoken(self._model.tokenizer, request)
        if words.stop == words.start:
            return None, ()
        decoder = self._model.networks.decoder
        found = attention_to_words(decoder, latents, context, run.memories[0], run.rotary, words, steps, heads)
        return found[:, :, : -(-run.frames // self._model.config.patch_size)].numpy(), texts


def spoken(tokenizer: Tokenizer, request: Request) -> tuple[slice, tuple[str, ...]]:
    """Where the lyrics are among the tokens of their prompt, which come first of all, and what each token says."""
    ids, _ = lyric_tokens(tokenizer, lyric_prompt(request))
    start = len(tokenizer.encode(lyric_header(request), add_special_tokens=False).ids)
    end = tokenizer.token_to_id(_END)
    stop = ids.index(end) if end in ids else len(ids)
    stream = DecodeStream(skip_special_tokens=False)
    return slice(start, max(stop, start)), tuple(stream.step(tokenizer, token) or "" for token in ids[start:stop])
