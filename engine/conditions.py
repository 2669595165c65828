"""What a prompt looks like to the DiT: text, lyrics and timbre, encoded once and kept for the next batch."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import InvalidRequest
from engine.model import Model
from engine.models.dit import Memory
from engine.models.text import as_batch, caption_tokens, lyric_tokens
from engine.prompt import caption_prompt, lyric_prompt
from engine.request import Request
from engine.resolve import settled
from engine.sources.timbre import Clips

_KEPT = 4
"""Prompts kept: the loop's own, and a few that a person goes back and forth between."""


@dataclass(frozen=True)
class Prompt:
    """The exact texts that the text encoder is given, and the sound that is imitated."""

    caption: str
    lyrics: str
    clips: Clips | None = None
    """What the music is to sound like, where that was given."""

    @classmethod
    def of(
        cls, request: Request, seconds: float, *, clips: Clips | None = None, instruction: str | None = None
    ) -> Prompt:
        """The prompts of a request that will be rendered ``seconds`` long; what was planned is in them.

        ``instruction`` replaces that of the task.
        """
        request = settled(request)
        return cls(caption_prompt(request, seconds, instruction=instruction), lyric_prompt(request), clips)


class Conditions:
    """Encodes prompts, and remembers the last few: a second batch of the same plan costs nothing here."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._memories: OrderedDict[Prompt, Memory] = OrderedDict()
        self._remarks: dict[Prompt, list[str]] = {}
        self._null: Memory | None = None
        self.encoded = 0
        """How many prompts were really encoded."""

    @torch.no_grad()
    def memory(self, prompt: Prompt) -> Memory:
        """The prompt's keys and values in every layer of the DiT."""
        if prompt not in self._memories:
            self._memories[prompt] = self._model.networks.decoder.remember(self.states(prompt))
            self.encoded += 1
            if len(self._memories) > _KEPT:
                self._remarks.pop(self._memories.popitem(last=False)[0], None)
        self._memories.move_to_end(prompt)
        return self._memories[prompt]

    @torch.no_grad()
    def null(self) -> Memory:
        """The unconditional prompt; InvalidRequest for a set that has none, where guidance is impossible."""
        if self._null is None:
            if self._model.null is None:
                raise InvalidRequest(
                    "guidance_scale above 1 needs a model with an unconditional prompt, and this one has none.",
                    "Set guidance_scale to 1, or use the official weights.",
                    field="guidance_scale",
                )
            self._null = self._model.networks.decoder.remember_null(self._model.null)
        return self._null

    def remarks(self, prompt: Prompt) -> list[str]:
        """What the model does not read of a prompt that is remembered, as sentences."""
        return self._remarks[prompt]

    def states(self, prompt: Prompt) -> Tensor:
        """The packed condition states ``[1, L, E]``: lyrics, timbre, caption."""
        model = self._model
        caption, caption_count = caption_tokens(model.tokenizer, prompt.caption)
        lyrics, lyric_count = lyric_tokens(model.tokenizer, prompt.lyrics)
        self._remarks[prompt] = [
            *_cut("The caption is", len(caption), caption_count),
            *_cut("The lyrics are", len(lyrics), lyric_count),
        ]
        # Without a reference the timbre encoder hears silence: zeros are out of its distribution and give drones.
        clips = prompt.clips.latents if prompt.clips else model.silence[:, : model.config.timbre_fix_frame]
        states: Tensor = model.networks.encoder(
            model.text.caption(as_batch(caption, model.device)),
            model.text.lyrics(as_batch(lyrics, model.device)),
            clips,
        )
        return states


def _cut(what: str, kept: int, count: int) -> list[str]:
    """A sentence about a text of which only ``kept`` of ``count`` tokens are read; nothing where all of them are."""
    if kept == count:
        return []
    return [f"{what} longer than the model reads: the last {count - kept} of {count} tokens are left out."]
