"""The diffusion transformer: noisy latents and conditions in, velocity out (facts: dit.md 5).

What does not change between steps is computed once and kept by the caller: the time embeddings of all steps, the keys
and values of the prompt, the projection of the context latents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import DiTConfig, EncoderConfig
from engine.models.attention import attend
from engine.models.primitives import Fused, GatedMLP, RMSNorm, Rotary, SelfAttention, modulated_norm, score_bound
from engine.passing import Passing

_SINUSOIDS = 256
_TIME_SCALE = 1000.0


@dataclass(frozen=True)
class Time:
    """Embedded timesteps: ``emb`` ``[N, H]`` for the head, ``proj`` ``[N, 6, H]`` for the layers."""

    emb: Tensor
    proj: Tensor

    def step(self, index: int) -> Time:
        """One step, for a whole batch."""
        return Time(self.emb[index : index + 1], self.proj[index : index + 1])


@dataclass(frozen=True)
class Memory:
    """A prompt as every layer's cross-attention sees it: keys and values ``[1 or B, kv_heads, L, D]``.

    The unconditional prompt repeats one row, so attention over it returns that row's value whatever the query: its
    whole cross-attention is ``constant`` ``[layers, H]``, and no keys are kept.
    """

    keys: tuple[Tensor, ...] = ()
    values: tuple[Tensor, ...] = ()
    constant: Tensor | None = None


class TimeEmbedding(nn.Module):
    """Sinusoids (cosine first) of ``1000 t``, two linears, and the projection to six modulations a layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(_SINUSOIDS, size)
        self.linear_2 = nn.Linear(size, size)
        self.time_proj = nn.Linear(size, 6 * size)

    def forward(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """``t`` ``[N]`` in [0, 1] to ``[N, H]`` and ``[N, 6, H]``; the sinusoids are float32 whatever the weights."""
        half = _SINUSOIDS // 2
        frequency = torch.exp(-math.log(10000.0) / half * torch.arange(half, dtype=torch.float32, device=t.device))
        angle = (t.float() * _TIME_SCALE).outer(frequency)
        sinusoids = torch.cat((angle.cos(), angle.sin()), dim=-1).to(self.linear_1.weight.dtype)
        emb = self.linear_2(F.silu(self.linear_1(sinusoids)))
        return emb, self.time_proj(F.silu(emb)).unflatten(-1, (6, -1))


class CrossAttention(nn.Module):
    """Attention over the prompt: normalised heads, no positions, no modulation. Keys and values are made once."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.eps = config.rms_norm_eps
        self.q_proj = nn.Linear(config.hidden_size, self.heads * self.dim, bias=False)
        self.kv = Fused(config.hidden_size, {"k_proj": self.kv_heads * self.dim, "v_proj": self.kv_heads * self.dim})
        self.o_proj = nn.Linear(self.heads * self.dim, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(self.dim, self.eps)
        self.k_norm = RMSNorm(self.dim, self.eps)
        self.bound = score_bound(self.q_norm, self.k_norm)

    def remember(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values ``[B, kv_heads, L, D]`` of embedded prompt states ``[B, L, H]``."""
        k, v = self.kv(states).unflatten(-1, (-1, self.dim)).chunk(2, dim=2)
        return self.k_norm(k).transpose(1, 2).contiguous(), v.transpose(1, 2).contiguous()

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """``[B, S, H]`` to ``[B, S, H]``; a prompt shared by the batch is read once, as one long row of queries."""
        q = self.q_norm(self.q_proj(x).unflatten(-1, (self.heads, self.dim)))
        shared = keys.shape[0] == 1
        q = q.flatten(0, 1).unsqueeze(0) if shared else q
        out = attend(q.transpose(1, 2), keys, values, bound=self.bound).transpose(1, 2).flatten(2)
        return self.o_proj(out.view(*x.shape[:2], -1) if shared else out)  # type: ignore[no-any-return]

    def settle(self) -> None:
        """To be called once the weights are in place."""
        self.bound = score_bound(self.q_norm, self.k_norm)


class DiTLayer(nn.Module):
    """Self-attention and MLP with adaptive norms and raw gates, and cross-attention without either between them."""

    def __init__(self, config: DiTConfig, window: int | None) -> None:
        super().__init__()
        sizes = config.decoder
        size, self.eps = config.hidden_size, config.rms_norm_eps
        self.self_attn_norm = RMSNorm(size, self.eps)
        self.self_attn = SelfAttention(sizes, window)
        self.cross_attn_norm = RMSNorm(size, self.eps)
        self.cross_attn = CrossAttention(sizes)
        self.mlp_norm = RMSNorm(size, self.eps)
        self.mlp = GatedMLP(size, config.intermediate_size)
        self.scale_shift_table = nn.Parameter(torch.zeros(1, 6, size))

    def forward(self, x: Tensor, time: Time, rotary: Rotary, memories: Sequence[Memory], index: int) -> Tensor:
        """``[B, S, H]`` to ``[B, S, H]``."""
        table = (self.scale_shift_table + time.proj).unsqueeze(2)
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = table.unbind(1)
        h = modulated_norm(x, self.self_attn_norm.weight * (1 + scale), shift, self.eps)
        x = torch.addcmul(x, self.self_attn(h, rotary), gate)
        x = self._read(x, memories, index)
        h = modulated_norm(x, self.mlp_norm.weight * (1 + mlp_scale), mlp_shift, self.eps)
        return torch.addcmul(x, self.mlp(h), mlp_gate)

    def _read(self, x: Tensor, memories: Sequence[Memory], index: int) -> Tensor:
        """Cross-attention; each memory serves its equal share of the batch."""
        parts = [
            self._read_one(part, memory, index) for part, memory in zip(x.chunk(len(memories)), memories, strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _read_one(self, x: Tensor, memory: Memory, index: int) -> Tensor:
        if memory.constant is not None:
            return x + memory.constant[index]
        return x + self.cross_attn(self.cross_attn_norm(x), memory.keys[index], memory.values[index])  # type: ignore[no-any-return]


class PatchIn(nn.Module):
    """A convolution whose stride is its kernel, as a linear over patches of ``[source | mask | noisy latents]``.

    Source and mask stay the same from step to step, so their share is computed apart from that of the latents.
    """

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.patch = config.patch_size
        self.constant = config.in_channels - config.audio_acoustic_hidden_dim
        self.weight = nn.Parameter(torch.zeros(config.hidden_size, config.in_channels, self.patch))
        self.bias = nn.Parameter(torch.zeros(config.hidden_size))

    def context(self, source: Tensor, mask: Tensor) -> Tensor:
        """``[B, T, 64]`` twice to ``[B, S, H]``."""
        both = torch.cat((source, mask), dim=-1)
        return F.linear(self._patches(both), self._linear(self.weight[:, : self.constant]), self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, 64]`` to ``[B, S, H]``, to be added to the context."""
        return F.linear(self._patches(x), self._linear(self.weight[:, self.constant :]))

    def _patches(self, x: Tensor) -> Tensor:
        """``[B, T, C]`` to ``[B, ceil(T/p), p*C]``; a last incomplete patch is filled with zeros."""
        x = F.pad(x, (0, 0, 0, -x.shape[1] % self.patch))
        return x.reshape(x.shape[0], -1, self.patch * x.shape[2])

    @staticmethod
    def _linear(weight: Tensor) -> Tensor:
        """``[H, C, p]`` to ``[H, p*C]``."""
        return weight.transpose(1, 2).flatten(1)


class PatchOut(nn.Module):
    """The transposed convolution at the end, as a linear from a patch to its frames."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.patch, self.channels = config.patch_size, config.audio_acoustic_hidden_dim
        self.weight = nn.Parameter(torch.zeros(config.hidden_size, self.channels, self.patch))
        self.bias = nn.Parameter(torch.zeros(self.channels))

    def forward(self, h: Tensor) -> Tensor:
        """``[B, S, H]`` to ``[B, S*p, 64]``."""
        frames = F.linear(h, self.weight.permute(2, 1, 0).flatten(0, 1), self.bias.repeat(self.patch))
        return frames.view(h.shape[0], -1, self.channels)


class DiT(nn.Module):
    """ACE-Step's decoder. Parameter names are the official ones under ``decoder.``, with q/k/v and gate/up fused."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        # The official file keeps these two inside a three-part sequence; index 1 is the convolution.
        self.proj_in = nn.ModuleDict({"1": PatchIn(config)})
        self.proj_out = nn.ModuleDict({"1": PatchOut(config)})
        self.time_embed = TimeEmbedding(size)
        self.time_embed_r = TimeEmbedding(size)
        self.condition_embedder = nn.Linear(config.encoder.hidden_size, size)
        self.layers = nn.ModuleList(DiTLayer(config, config.window(i)) for i in range(config.num_hidden_layers))
        self.norm_out = RMSNorm(size, config.rms_norm_eps)
        self.scale_shift_table = nn.Parameter(torch.zeros(1, 2, size))
        self.passing: Passing | None = None
        """Brings each layer when it is its turn, where memory is too small for all of them (``engine.passing``)."""

    @property
    def patch_in(self) -> PatchIn:
        """Latents to patches."""
        return cast(PatchIn, self.proj_in["1"])

    @property
    def patch_out(self) -> PatchOut:
        """Patches to latents."""
        return cast(PatchOut, self.proj_out["1"])

    def time(self, t: Tensor) -> Time:
        """Embeds timesteps ``[N]``. The second embedder sees ``t - r = 0`` at inference: a constant to be added."""
        emb, proj = self.time_embed(t)
        emb_r, proj_r = self.time_embed_r(torch.zeros_like(t[:1]))
        return Time(emb + emb_r, proj + proj_r)

    def remember(self, states: Tensor) -> Memory:
        """The prompt's keys and values in every layer, from condition states ``[B, L, E]``."""
        embedded = self.condition_embedder(states)
        pairs = [layer.cross_attn.remember(embedded) for layer in self.in_turn()]
        return Memory(tuple(k for k, _ in pairs), tuple(v for _, v in pairs))

    def remember_null(self, null: Tensor) -> Memory:
        """The unconditional prompt ``[1, 1, E]``, collapsed to one vector a layer."""
        embedded = self.condition_embedder(null)
        rows = []
        for layer in self.in_turn():
            _, v = layer.cross_attn.remember(embedded)
            heads = v.repeat_interleave(layer.cross_attn.heads // layer.cross_attn.kv_heads, dim=1)
            rows.append(layer.cross_attn.o_proj(heads.flatten()))
        return Memory(constant=torch.stack(rows))

    def rotary(self, frames: int) -> Rotary:
        """Positions for latents of that many frames."""
        patches = -(-frames // self.config.patch_size)
        return Rotary(patches, self.config.head_dim, self.config.rope_theta, self.scale_shift_table)

    def forward(
        self, x: Tensor, time: Time, context: Tensor, memories: Sequence[Memory], rotary: Rotary | None = None
    ) -> Tensor:
        """Velocity ``[B, T, 64]`` at latents ``x`` ``[B, T, 64]``.

        ``time`` has one row, or B. ``context`` is ``patch_in.context(...)``, one row or B. With several ``memories``
        the batch is that many equal parts, one after another (conditional then unconditional).
        """
        rotary = rotary or self.rotary(x.shape[1])
        h = self.patch_in(x) + context
        for index, layer in enumerate(self.in_turn()):
            h = layer(h, time, rotary, memories, index)
        shift, scale = (self.scale_shift_table + time.emb.unsqueeze(1)).unsqueeze(2).unbind(1)
        h = modulated_norm(h, self.norm_out.weight * (1 + scale), shift, self.config.rms_norm_eps)
        out: Tensor = self.patch_out(h)
        return out[:, : x.shape[1]]

    def in_turn(self) -> Iterator[DiTLayer]:
        """The layers in their order, each to be used before the next one is asked for."""
        layers = cast(list[DiTLayer], list(self.layers))
        return iter(layers) if self.passing is None else self.passing(layers)
