"""Attention, three ways: over everything, inside a window, and over a memory that a whole batch shares.

Queries are ``[B, heads, S, D]``, keys and values ``[B, kv_heads, L, D]``; key head j serves query heads
``j*g .. j*g+g-1`` with ``g = heads / kv_heads``. No dense S x S mask is ever built.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Scores of normalised queries and keys are bounded by sqrt(D) times the norms' largest weights. Below this bound
# exp(score) and a sum of 15,000 of them stay far inside bfloat16's range, and softmax needs no maximum. Above it scores
# would also lose too much to bfloat16's eight bits; the stock kernel keeps them in float32.
SAFE_BOUND = 60.0

# Score elements computed at a time in bfloat16 on CPU: 512 queries x 7,500 keys. The block stays in the last cache.
_BLOCK_ELEMENTS = 4_000_000

_MIN_BAND = 64


def attend(q: Tensor, k: Tensor, v: Tensor, *, window: int | None = None, bound: float = float("inf")) -> Tensor:
    """Softmax attention with scale ``D ** -0.5``.

    ``window`` limits query i to keys with ``|i - j| <= window`` (inclusive, both sides). ``bound`` is the largest
    absolute score that can occur, where the caller knows one. Returns ``[B, heads, S, D]`` in the dtype of ``q``.
    """
    if window is not None and q.shape[2] > window + 1:
        return _banded(q, k, v, window)
    if bound <= SAFE_BOUND and _blocked_pays(q):
        return _blocked(q, k, v)
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=q.shape[1] != k.shape[1])


def _blocked_pays(q: Tensor) -> bool:
    """The stock CPU kernel runs bfloat16 at its float32 rate; plain matrix products reach twice that."""
    return q.device.type == "cpu" and q.dtype == torch.bfloat16 and not torch.is_grad_enabled()


def _blocked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Full attention as matrix products over blocks of queries, without the running maximum (see ``SAFE_BOUND``)."""
    batch, heads, length, dim = q.shape
    kv_heads, keys = k.shape[1], k.shape[2]
    group = heads // kv_heads
    rows = max(64, min(1024, _BLOCK_ELEMENTS // keys))
    scores = torch.empty(rows * keys, dtype=q.dtype)
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    scaled = (q * dim**-0.5).reshape(batch, kv_heads, group * length, dim)
    flat = out.view(batch, kv_heads, group * length, dim)
    for b in range(batch):
        for j in range(kv_heads):
            keys_t, values = k[b, j].transpose(0, 1), v[b, j]
            for start in range(0, group * length, rows):
                part = scaled[b, j, start : start + rows]
                weights = scores[: part.shape[0] * keys].view(part.shape[0], keys)
                torch.mm(part, keys_t, out=weights).exp_()
                total = weights.sum(-1, keepdim=True, dtype=torch.float32)
                flat[b, j, start : start + rows] = torch.mm(weights, values) / total
    return out


def _banded(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Sliding-window attention at linear cost: each band of queries meets only the keys it can see."""
    batch, heads, length, dim = q.shape
    band = max(window, _MIN_BAND)
    bands = -(-length // band)
    tail = bands * band - length
    queries = F.pad(q, (0, 0, 0, tail)).view(batch, heads, bands, band, dim)
    if q.device.type == "cuda" and heads != k.shape[1]:
        # The fused kernel that takes a mask does not group heads; written out here, the keys of a band are few.
        k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
    keys, values = (_neighbourhoods(x, window, band, tail) for x in (k, v))
    mask = _band_mask(length, window, band, q.device, q.dtype)
    out = F.scaled_dot_product_attention(
        _fold(queries),
        _fold(keys),
        _fold(values),
        attn_mask=mask.repeat(batch, 1, 1, 1),
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


@lru_cache(maxsize=16)
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
