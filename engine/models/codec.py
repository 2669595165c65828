"""The 5 Hz codec: latents to codes and back through finite scalar quantisation (facts: dit.md 6)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import DiTConfig
from engine.models.primitives import EncoderLayer, RMSNorm, encoder_stack


class Quantizer(nn.Module):
    """Residual FSQ with one quantiser: a few levels a dimension, one integer for all of them. Float32 throughout."""

    keep_float32 = True

    def __init__(self, size: int, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.project_in = nn.Linear(size, len(levels))
        self.project_out = nn.Linear(len(levels), size)
        self.shape = levels
        self.codes = math.prod(levels)

    def _constants(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Levels and place values, ``[d]`` int64."""
        levels = torch.tensor(self.shape, device=device)
        return levels, torch.cat((levels.new_ones(1), levels[:-1].cumprod(0)))

    def before_rounding(self, x: Tensor) -> Tensor:
        """``[..., size]`` to level positions ``[..., d]`` in 0 .. L-1, not yet rounded.

        The clamp is soft (tanh) and a little wider than [-1, 1], so that the outermost levels are reached.
        """
        levels, _ = self._constants(x.device)
        z = F.linear(x.float(), self.project_in.weight.float(), self.project_in.bias.float())
        soft = 1 + 1 / (levels - 1)
        z = torch.tanh(z / soft) * soft
        return (levels - 1) * (z.clamp(-1, 1) + 1) / 2

    def encode(self, x: Tensor) -> Tensor:
        """``[..., size]`` to codes ``[...]`` int64."""
        _, basis = self._constants(x.device)
        return ((self.before_rounding(x) + 0.5).floor().long() * basis).sum(-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``[...]`` to vectors ``[..., size]``, float32."""
        levels, basis = self._constants(codes.device)
        level = codes.unsqueeze(-1) // basis % levels
        value = level * (2 / (levels - 1)) - 1
        return F.linear(value, self.project_out.weight.float(), self.project_out.bias.float())


class AttentionPooler(nn.Module):
    """Five frames and a learned token through a small transformer; the token's output stands for the five."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.sizes = config.encoder
        size = self.sizes.hidden_size
        self.embed_tokens = nn.Linear(size, size)
        self.special_token = nn.Parameter(torch.zeros(1, 1, size))
        self.layers = nn.ModuleList(
            EncoderLayer(self.sizes, config.window(i)) for i in range(config.num_attention_pooler_hidden_layers)
        )
        self.norm = RMSNorm(size, self.sizes.rms_norm_eps)

    def forward(self, groups: Tensor) -> Tensor:
        """``[N, 5, E]`` to ``[N, E]``."""
        x = self.embed_tokens(groups)
        x = torch.cat((self.special_token.expand(x.shape[0], -1, -1), x), dim=1)
        return encoder_stack(self.layers, self.norm, x, self.sizes)[:, 0]


class AudioTokenizer(nn.Module):
    """Latents at 25 Hz to codes at 5 Hz."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.group = config.pool_window_size
        self.audio_acoustic_proj = nn.Linear(config.audio_acoustic_hidden_dim, config.encoder.hidden_size)
        self.attention_pooler = AttentionPooler(config)
        self.quantizer = Quantizer(config.fsq_dim, config.fsq_input_levels)

    def pooled(self, latents: Tensor, silence: Tensor) -> Tensor:
        """Latents ``[B, T, 64]`` to ``[B, ceil(T/5), E]``, the last group filled up with the start of ``silence``."""
        missing = -latents.shape[1] % self.group
        pad = silence[:, :missing].to(latents).expand(latents.shape[0], -1, -1)
        x = self.audio_acoustic_proj(torch.cat((latents, pad), dim=1))
        groups = x.unflatten(1, (-1, self.group))
        return self.attention_pooler(groups.flatten(0, 1)).view(*groups.shape[:2], -1)  # type: ignore[no-any-return]

    def forward(self, latents: Tensor, silence: Tensor) -> Tensor:
        """Latents ``[B, T, 64]`` to codes ``[B, ceil(T/5)]`` int64; ``silence`` is ``[1, >=4, 64]``."""
        return self.quantizer.encode(self.pooled(latents, silence))


class AudioDetokenizer(nn.Module):
    """Quantised vectors at 5 Hz to latents at 25 Hz: each becomes five frames, told apart by learned tokens."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.sizes = config.encoder
        self.group = config.pool_window_size
        size = self.sizes.hidden_size
        self.embed_tokens = nn.Linear(size, size)
        self.special_tokens = nn.Parameter(torch.zeros(1, self.group, size))
        self.layers = nn.ModuleList(
            EncoderLayer(self.sizes, config.window(i)) for i in range(config.num_attention_pooler_hidden_layers)
        )
        self.norm = RMSNorm(size, self.sizes.rms_norm_eps)
        self.proj_out = nn.Linear(size, config.audio_acoustic_hidden_dim)

    def forward(self, vectors: Tensor) -> Tensor:
        """``[B, N, E]`` to latents ``[B, 5N, 64]``."""
        x = self.embed_tokens(vectors.to(self.special_tokens.dtype)).unsqueeze(2) + self.special_tokens
        x = encoder_stack(self.layers, self.norm, x.flatten(0, 1), self.sizes)
        return self.proj_out(x).view(vectors.shape[0], -1, self.proj_out.out_features)  # type: ignore[no-any-return]
