"""Attention, three ways: over everything, inside a window, and over a memory that a whole batch shares.

Queries are ``[B, heads, S, D]``, keys and values ``[B, kv_heads, L, D]``; key head j serves query heads
``j*g .. j*g+g-1`` with ``g = heads / kv_heads``. No dense S x S mask is ever built.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

# The shift of a block's scores may come from every fourth key while no score can pass it by more than float32's range
# has room for: twice this bound, times the longest sum.
SAMPLED_BOUND = 38.0
_SAMPLING = 4

# Score elements computed at a time in bfloat16 on CPU: 512 queries x 7,500 keys. The block stays in the last cache.
_BLOCK_ELEMENTS = 4_000_000

_MIN_BAND = 64


Masks = dict[tuple[int, int, torch.dtype], Tensor]
"""Masks of bands by window, length and dtype; whoever runs many layers at one length keeps them."""


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None = None,
    causal: bool = False,
    bound: float = math.inf,
    masks: Masks | None = None,
) -> Tensor:
    """Softmax attention with scale ``D ** -0.5``.

    ``window`` limits query i to keys with ``|i - j| <= window`` (inclusive, both sides); ``masks`` keeps what that
    needs. ``causal`` limits it to keys with ``j <= i`` and goes without a window. ``bound`` is the largest absolute
    score that can occur, where the caller knows one. Returns ``[B, heads, S, D]`` in the dtype of ``q``.
    """
    if window is not None and q.shape[2] > window + 1:
        return _banded(q, k, v, window, {} if masks is None else masks)
    if not causal and _blocked_pays(q):
        return _blocked(q, k, v, 1 if bound > SAMPLED_BOUND else _SAMPLING)
    k, v = for_fused_kernel(q, k, v, masked=False)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def for_fused_kernel(q: Tensor, k: Tensor, v: Tensor, *, masked: bool) -> tuple[Tensor, Tensor]:
    """Keys and values with their heads written out where CUDA's kernel for grouped heads cannot be used.

    Only flash attention groups heads; it takes no mask and half precision alone, and is not there before Ampere.
    Everything else would build S x S.
    """
    if q.device.type != "cuda" or q.shape[1] == k.shape[1]:
        return k, v
    if not masked and q.dtype != torch.float32 and _has_flash(q.device):
        return k, v
    group = q.shape[1] // k.shape[1]
    return k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)


@cache
def _has_flash(device: torch.device) -> bool:
    """Whether a card has flash attention. AMD's count in another way, and from far above."""
    return torch.cuda.get_device_capability(device) >= (8, 0)


def _blocked_pays(q: Tensor) -> bool:
    """The stock CPU kernel runs bfloat16 at its float32 rate; plain matrix products reach twice that."""
    return q.device.type == "cpu" and q.dtype == torch.bfloat16 and not torch.is_grad_enabled()


def _blocked(q: Tensor, k: Tensor, v: Tensor, sampling: int) -> Tensor:
    """Full attention as matrix products over blocks of queries.

    A product's result is rounded to bfloat16, so scores are shifted inside it, by one more column: what is near a row's
    largest score, and counts, comes out small and exact. The shift is the largest score of every ``sampling``-th key.
    """
    batch, heads, length, dim = q.shape
    kv_heads, keys = k.shape[1], k.shape[2]
    queries = heads // kv_heads * length
    rows = max(64, min(1024, _BLOCK_ELEMENTS // keys))
    space, sampled = q.new_empty(rows * keys), q.new_empty(rows * -(-keys // sampling))
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    flat = out.view(batch, kv_heads, queries, dim)
    # Two more columns and not one: an even width is faster.
    wide = F.pad((q * dim**-0.5).reshape(batch, kv_heads, queries, dim), (0, 2))
    tall = torch.cat((k, k.new_ones(batch, kv_heads, keys, 1), k.new_zeros(batch, kv_heads, keys, 1)), dim=-1)
    for b in range(batch):
        for j in range(kv_heads):
            keys_t, values, few_t = tall[b, j].t(), v[b, j], k[b, j, ::sampling].t()
            for start in range(0, queries, rows):
                part = wide[b, j, start : start + rows]
                scores = sampled[: part.shape[0] * few_t.shape[1]].view(part.shape[0], -1)
                torch.neg(torch.mm(part[:, :dim], few_t, out=scores).amax(-1), out=part[:, dim])
                weights = torch.mm(part, keys_t, out=space[: part.shape[0] * keys].view(part.shape[0], keys)).exp_()
                total = weights.sum(-1, keepdim=True, dtype=torch.float32)
                flat[b, j, start : start + rows] = torch.mm(weights, values) / total
    return out


def _banded(q: Tensor, k: Tensor, v: Tensor, window: int, masks: Masks) -> Tensor:
    """Sliding-window attention at linear cost: each band of queries meets only the keys it can see."""
    batch, heads, length, dim = q.shape
    band = max(window, _MIN_BAND)
    bands = -(-length // band)
    tail = bands * band - length
    queries = F.pad(q, (0, 0, 0, tail)).view(batch, heads, bands, band, dim)
    k, v = for_fused_kernel(q, k, v, masked=True)
    keys, values = (_neighbourhoods(x, window, band, tail) for x in (k, v))
    key = (window, length, q.dtype)
    if key not in masks:
        masks[key] = _band_mask(length, window, band, q.device, q.dtype)
    out = F.scaled_dot_product_attention(
        _fold(queries),
        _fold(keys),
        _fold(values),
        attn_mask=masks[key].repeat(batch, 1, 1, 1),
        enable_gqa=heads != k.shape[1],
    )
    out = out.view(batch, bands, heads, band, dim).transpose(1, 2)
    return out.reshape(batch, heads, bands * band, dim)[:, :, :length]


def _neighbourhoods(x: Tensor, window: int, band: int, tail: int) -> Tensor:
    """Overlapping views ``[B, kv_heads, bands, band + 2*window, D]`` of the keys each band can see."""
    return F.pad(x, (0, 0, window, window + tail)).unfold(2, band + 2 * window, band).transpose(-1, -2)


def _fold(x: Tensor) -> Tensor:
    """``[B, heads, bands, rows, D]`` to ``[B*bands, heads, rows, D]``: every band is a batch item of its own."""
    return x.transpose(1, 2).flatten(0, 1)


def _band_mask(length: int, window: int, band: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """0 for the keys of its neighbourhood that a query sees, -inf for others: ``[bands, 1, band, band + 2*window]``."""
    bands = -(-length // band)
    row = torch.arange(band, device=device).view(1, band, 1)
    column = torch.arange(band + 2 * window, device=device).view(1, 1, -1)
    position = torch.arange(bands, device=device).view(-1, 1, 1) * band + column - window
    near = (row + window - column).abs() <= window
    exists = (position >= 0) & (position < length)
    # A padded query at the very end may see no key at all; letting it see its own band keeps softmax finite.
    padded = torch.arange(bands, device=device).view(-1, 1, 1) * band + row >= length
    seen = ((near & exists) | padded).unsqueeze(1)
    return torch.zeros(seen.shape, device=device, dtype=dtype).masked_fill_(~seen, -torch.inf)
