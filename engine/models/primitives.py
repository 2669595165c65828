"""What every stack shares: root-mean-square norm, rotary positions, gated MLP, self-attention, encoder layer.

Each operation has one form that autograd understands and, where it pays, a second for inference that makes fewer passes
over memory; the tests hold them equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import EncoderConfig
from engine.models.attention import Masks, attend


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x / rms(x) * weight`` over the last axis; the mean of squares is taken in float32."""
    if x.device.type != "cpu":
        return F.rms_norm(x, x.shape[-1:], weight, eps)
    return x * _inverse_rms(x, eps) * weight


def modulated_norm(x: Tensor, weight: Tensor, shift: Tensor, eps: float) -> Tensor:
    """``x / rms(x) * weight + shift``, the adaptive norm with ``weight`` already multiplied by ``1 + scale``."""
    if x.device.type != "cpu":
        return torch.addcmul(shift, F.rms_norm(x, x.shape[-1:], eps=eps), weight)
    return torch.addcmul(shift, x * _inverse_rms(x, eps), weight)


def _inverse_rms(x: Tensor, eps: float) -> Tensor:
    """``1 / rms(x)`` as ``[..., 1]`` in the dtype of ``x``; one pass over memory, summed in float32.

    torch's own rms_norm is a chain of full-size float32 temporaries on CPU: half the speed (docs/performance.md).
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))
    return torch.rsqrt(norm.square() / x.shape[-1] + eps).to(x.dtype)


class RMSNorm(nn.Module):
    """Root-mean-square norm with a learned weight."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises the last axis."""
        return rms_norm(x, self.weight, self.eps)


class Rotary:
    """Rotary positions of one length: ``cos`` and ``sin``, ``[S, D/2]``, in the model's dtype (half-split layout)."""

    def __init__(self, length: int, dim: int, theta: float, like: Tensor) -> None:
        index = torch.arange(dim // 2, dtype=torch.float32, device=like.device)
        frequency = theta ** (-2.0 * index / dim)
        angle = torch.arange(length, dtype=torch.float32, device=like.device).outer(frequency)
        self.cos = angle.cos().to(like.dtype)
        self.sin = angle.sin().to(like.dtype)
        self.masks: Masks = {}
        """What the windows of this length need; kept here so that it lives as long as whatever uses it."""

    def normed(self, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """Head norm and rotation in one: ``[B, S, heads, D]`` to a contiguous ``[B, heads, S, D]``.

        The norm's weight is folded into the tables (S x D products instead of S x heads x D) and its scalar is applied
        last, so the whole costs four passes over ``x``.
        """
        first, second = weight.chunk(2)
        x1, x2 = x.transpose(1, 2).chunk(2, dim=-1)
        scale = _inverse_rms(x, eps).transpose(1, 2)
        low = torch.addcmul(x1 * (self.cos * first), x2, self.sin * second, value=-1)
        high = torch.addcmul(x2 * (self.cos * second), x1, self.sin * first)
        return torch.cat((low, high), dim=-1).mul(scale)


class Fused(nn.Linear):
    """Several official projections of the same input as one matrix without bias; ``parts`` are their names and rows."""

    def __init__(self, size: int, parts: dict[str, int]) -> None:
        super().__init__(size, sum(parts.values()), bias=False)
        self.parts = parts


class GatedMLP(nn.Module):
    """``down(silu(gate(x)) * up(x))`` with gate and up as one matrix."""

    def __init__(self, size: int, intermediate: int) -> None:
        super().__init__()
        self.gate_up = Fused(size, {"gate_proj": intermediate, "up_proj": intermediate})
        self.down_proj = nn.Linear(intermediate, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., size]`` to ``[..., size]``."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Grouped-query self-attention with normalised heads and rotary positions: full, inside a window, or causal."""

    def __init__(self, config: EncoderConfig, window: int | None, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.window, self.causal, self.eps = window, causal, config.rms_norm_eps
        kv_rows = self.kv_heads * self.dim
        parts = {"q_proj": self.heads * self.dim, "k_proj": kv_rows, "v_proj": kv_rows}
        self.qkv = Fused(config.hidden_size, parts)
        self.o_proj = nn.Linear(self.heads * self.dim, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(self.dim, self.eps)
        self.k_norm = RMSNorm(self.dim, self.eps)
        self.bound = score_bound(self.q_norm, self.k_norm)

    def forward(self, x: Tensor, rotary: Rotary, sharpness: float = 1.0) -> Tensor:
        """``[B, S, hidden]`` to ``[B, S, hidden]``; scores are multiplied by ``sharpness``."""
        projected = self.qkv(x).unflatten(-1, (-1, self.dim))
        q, k, v = projected.split((self.heads, self.kv_heads, self.kv_heads), dim=2)
        q = rotary.normed(q, self.q_norm.weight, self.eps)
        k = rotary.normed(k, self.k_norm.weight, self.eps)
        if sharpness != 1:
            q = q * sharpness
        v = v.transpose(1, 2)
        out = attend(q, k, v, window=self.window, causal=self.causal, bound=self.bound, masks=rotary.masks)
        return self.o_proj(out.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def settle(self) -> None:
        """To be called once the weights are in place."""
        self.bound = score_bound(self.q_norm, self.k_norm)


def score_bound(q_norm: RMSNorm, k_norm: RMSNorm) -> float:
    """The largest absolute attention score that normalised heads allow: ``sqrt(D) * max|wq| * max|wk|``.

    Rotation keeps a vector's length, so this holds after it too. Infinite while the weights are not there yet.
    """
    if q_norm.weight.is_meta:
        return math.inf
    largest = q_norm.weight.detach().abs().max() * k_norm.weight.detach().abs().max()
    return float(largest) * math.sqrt(q_norm.weight.shape[0])


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer of the condition encoder, the codec and, where it is causal, the text encoder."""

    def __init__(self, config: EncoderConfig, window: int | None, *, causal: bool = False) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = SelfAttention(config, window, causal=causal)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = GatedMLP(config.hidden_size, config.intermediate_size)

    def forward(self, x: Tensor, rotary: Rotary, sharpness: float = 1.0) -> Tensor:
        """``[B, S, hidden]`` to ``[B, S, hidden]``."""
        x = x + self.self_attn(self.input_layernorm(x), rotary, sharpness)
        return x + self.mlp(self.post_attention_layernorm(x))  # type: ignore[no-any-return]


def encoder_stack(
    layers: nn.ModuleList,
    norm: RMSNorm,
    x: Tensor,
    config: EncoderConfig,
    sharpness: Mapping[int, float] = MappingProxyType({}),
) -> Tensor:
    """Runs ``x`` ``[B, S, hidden]`` through encoder layers and the closing norm, positions counted from 0.

    ``sharpness`` is what the attention scores of some layers are multiplied by.
    """
    rotary = Rotary(x.shape[1], config.head_dim, config.rope_theta, x)
    for index, layer in enumerate(layers):
        x = layer(x, rotary, sharpness.get(index, 1.0))
    return norm(x)  # type: ignore[no-any-return]
