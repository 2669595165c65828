"""What the models themselves say of a take, right after it is decoded: scores of its own words, at little cost.

The music model is asked once more, through its first layers, what it looked at while each moment was made; the planner,
where it is loaded anyway, what it recalls of the words from the codes. Both are facts for the scores, which are worked
out beside the next take (``engine.scoring.words``). docs/scores.md has what it costs.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import Any

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

    texts: tuple[str, ...] = ()
    """What each of the tokens says."""

    recalled: Recalled = field(default_factory=Recalled)


class Overhearing:
    """Asks a model, and its planner if it is loaded."""

    def __init__(self, model: Model, planning: Planning) -> None:
        self._model, self._planning = model, planning

    def onto(self, take: Take, run: Run, latents: Tensor, context: Tensor) -> Take:
        """The take with what was found out about it (see ``of``). Where that fails, the take counts without."""
        began = time.perf_counter()
        try:
            found = self.of(run, take.layout["index"], latents, context)
        except (RuntimeError, MemoryError):  # memory that ran out, most of all
            _log.exception("a take could not be listened to with the models")
            found = Overheard()
        return replace(take, overheard=found, timings={**take.timings, "score": time.perf_counter() - began})

    def of(self, run: Run, index: int, latents: Tensor, context: Tensor) -> Overheard:
        """About an item from its clean ``latents`` ``[T, 64]`` and what it was made in, ``context`` ``[1, S, H]``."""
        request = settled(run.request)
        attention: npt.NDArray[np.float32] | None = None
        texts: tuple[str, ...] = ()
        heads = heads_of(self._model.config)
        if heads and run.memories[0].keys and kind_of(request.to_dict()) == VOCAL:
            words, texts = spoken(self._model.tokenizer, request)
            if words.stop > words.start:
                decoder = self._model.networks.decoder
                memory, steps = run.memories[0], run.plan.steps
                found = attention_to_words(decoder, latents, context, memory, run.rotary, words, steps, heads)
                frames = -(-run.frames // self._model.config.patch_size)
                attention = found[:, :, :frames].numpy()
        return Overheard(attention, texts, self._recalled(run, index))

    def _recalled(self, run: Run, index: int) -> Recalled:
        planner, codes = self._planning.loaded, run.codes[index]
        if planner is None or not codes:
            return Recalled()
        asked = run.request
        metadata: dict[str, Any] = {
            "bpm": asked.bpm,
            "keyscale": asked.keyscale,
            "timesignature": asked.timesignature,
            "duration": asked.duration,
        }
        lyrics = asked.lyrics if kind_of(asked.to_dict()) == VOCAL else ""
        return planner.recall().of(codes, asked.caption, lyrics, metadata)


def spoken(tokenizer: Tokenizer, request: Request) -> tuple[slice, tuple[str, ...]]:
    """Where the lyrics are among the tokens of their prompt, which come first of all, and what each token says."""
    ids, _ = lyric_tokens(tokenizer, lyric_prompt(request))
    start = len(tokenizer.encode(lyric_header(request), add_special_tokens=False).ids)
    end = tokenizer.token_to_id(_END)
    stop = ids.index(end) if end in ids else len(ids)
    stream = DecodeStream(skip_special_tokens=False)
    return slice(start, max(stop, start)), tuple(stream.step(tokenizer, token) or "" for token in ids[start:stop])
