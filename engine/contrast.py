"""What guidance pulls away from: no prompt, a vague reading of it (ERG), and the prompt without its lyrics.

ERG weakens attention in some layers of the two text encoders, and of the decoder, for the unconditional branch alone:
scores are multiplied by a small number, so that a query reads about the mean of what there is (facts: v1.md 4.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.conditions import Conditions, Prompt
from engine.controls import guidance_numbers
from engine.keeping import Kept
from engine.model import Model
from engine.models.dit import Memory
from engine.models.text import as_batch, caption_tokens, lyric_tokens
from engine.prompt import lyric_prompt
from engine.request import Request
from engine.resolve import settled


@dataclass(frozen=True)
class Vagueness:
    """Which parts of a prompt are read vaguely, and by what scores are multiplied there."""

    caption: bool
    lyrics: bool
    decoder: bool
    tau: float

    @classmethod
    def of(cls, request: Request) -> Vagueness:
        """What a request asks for."""
        tau = guidance_numbers(request.guidance_params)["erg_tau"]
        return cls(request.use_erg_tag, request.use_erg_lyric, request.use_erg_diffusion, tau)

    @property
    def reads(self) -> bool:
        """Whether anything of the prompt is read at all; if not, every row of the branch is the same learned one."""
        return self.caption or self.lyrics


class Contrast:
    """The unconditional branches of prompts; the last few are remembered."""

    def __init__(self, model: Model, conditions: Conditions) -> None:
        self._model = model
        self._conditions = conditions
        self._vague: Kept[tuple[Prompt, Vagueness], Memory] = Kept()

    def memories(self, request: Request, prompt: Prompt, *, split: bool) -> list[Memory]:
        """What a request with this prompt is guided away from: its negative and, for ``split`` guidance, its caption.

        Raises InvalidRequest for a set without an unconditional prompt.
        """
        memories = [self._negative(prompt, Vagueness.of(request))]
        if split:
            wordless = lyric_prompt(settled(request).replace(instrumental=True))
            memories.append(self._conditions.memory(replace(prompt, lyrics=wordless)))
        return memories

    def _negative(self, prompt: Prompt, vagueness: Vagueness) -> Memory:
        null = self._conditions.null()
        if not vagueness.reads:
            return null
        return self._vague.get((prompt, vagueness), lambda: self._read_vaguely(prompt, vagueness))

    @torch.no_grad()
    def _read_vaguely(self, prompt: Prompt, vagueness: Vagueness) -> Memory:
        decoder = self._model.networks.decoder
        memory = decoder.remember(self._states(prompt, vagueness))
        if not vagueness.decoder:
            return memory
        # Scores are products with the keys, so weaker keys are weaker scores.
        weak = weakened(len(memory.keys), 15 / 24, 20 / 24, vagueness.tau)
        return replace(memory, keys=tuple(key * weak.get(index, 1.0) for index, key in enumerate(memory.keys)))

    def _states(self, prompt: Prompt, vagueness: Vagueness) -> Tensor:
        """The packed states ``[1, L, E]``, as long as those of the prompt; what is not read is the learned row."""
        model, encoder = self._model, self._model.networks.encoder
        assert model.null is not None  # whoever asks has asked for the memory of it before
        caption = as_batch(caption_tokens(model.tokenizer, prompt.caption)[0], model.device)
        lyrics = as_batch(lyric_tokens(model.tokenizer, prompt.lyrics)[0], model.device)
        if vagueness.caption:
            weak = weakened(len(model.text.model.layers), 8 / 12, 10 / 12, vagueness.tau)
            read = encoder.text_projector(model.text.caption(caption, sharpness=weak))
        else:
            read = model.null.expand(1, caption.shape[1], -1)
        if vagueness.lyrics:
            weak = weakened(len(encoder.lyric_encoder.layers), 4 / 6, 1.0, vagueness.tau)
            sung = encoder.lyric_encoder(model.text.lyrics(lyrics), weak)
        else:
            sung = model.null.expand(1, lyrics.shape[1], -1)
        clips = prompt.clips.latents.shape[0] if prompt.clips else 1
        return torch.cat((sung, model.null.expand(1, clips, -1), read), dim=1)


def weakened(layers: int, begin: float, end: float, tau: float) -> Mapping[int, float]:
    """The layers of a stack from one relative depth to another, at least one, each with what its scores are times."""
    first = int(layers * begin)
    return dict.fromkeys(range(first, max(first + 1, int(layers * end))), tau)
