"""The condition encoder: lyrics, timbre and caption become one sequence for cross-attention (facts: dit.md 4).

It works on one prompt at a time, so nothing is ever padded and a take does not depend on its neighbours' prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from engine.config import DiTConfig
from engine.models.primitives import EncoderLayer, RMSNorm, encoder_stack


class LyricEncoder(nn.Module):
    """Raw token embeddings of the lyric prompt through a transformer."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.sizes = config.encoder
        size, eps = self.sizes.hidden_size, self.sizes.rms_norm_eps
        self.embed_tokens = nn.Linear(config.text_hidden_dim, size)
        self.layers = nn.ModuleList(
            EncoderLayer(self.sizes, config.window(i)) for i in range(config.num_lyric_encoder_hidden_layers)
        )
        self.norm = RMSNorm(size, eps)

    def forward(self, embeddings: Tensor, sharpness: Mapping[int, float] = MappingProxyType({})) -> Tensor:
        """``[1, L, text]`` to ``[1, L, E]``; ``sharpness`` as ``encoder_stack`` has it."""
        return encoder_stack(self.layers, self.norm, self.embed_tokens(embeddings), self.sizes, sharpness)


class TimbreEncoder(nn.Module):
    """Latents of reference clips, each pooled to one vector: position 0 of the sequence."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.sizes = config.encoder
        self.has_cls = config.timbre_has_cls
        size, eps = self.sizes.hidden_size, self.sizes.rms_norm_eps
        self.embed_tokens = nn.Linear(config.timbre_hidden_dim, size)
        self.special_token = nn.Parameter(torch.zeros(1, 1, size))
        self.layers = nn.ModuleList(
            EncoderLayer(self.sizes, config.window(i)) for i in range(config.num_timbre_encoder_hidden_layers)
        )
        self.norm = RMSNorm(size, eps)

    def forward(self, clips: Tensor) -> Tensor:
        """``[R, frames, 64]`` to ``[R, E]``. Every size stores the token; only XL puts it in front (dit.md 4.3)."""
        x = self.embed_tokens(clips)
        if self.has_cls:
            x = torch.cat((self.special_token.expand(x.shape[0], -1, -1), x), dim=1)
        return encoder_stack(self.layers, self.norm, x, self.sizes)[:, 0]


class ConditionEncoder(nn.Module):
    """Packs lyric tokens, one vector for each reference clip, and caption tokens, in that order."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.text_projector = nn.Linear(config.text_hidden_dim, config.encoder.hidden_size, bias=False)
        self.lyric_encoder = LyricEncoder(config)
        self.timbre_encoder = TimbreEncoder(config)

    def forward(self, caption: Tensor, lyrics: Tensor, clips: Tensor) -> Tensor:
        """Caption states ``[1, Lt, text]``, lyric embeddings ``[1, Ll, text]``, clips ``[R, frames, 64]``.

        Returns ``[1, Ll + R + Lt, E]``.
        """
        timbre = self.timbre_encoder(clips).unsqueeze(0)
        return torch.cat((self.lyric_encoder(lyrics), timbre, self.text_projector(caption)), dim=1)
