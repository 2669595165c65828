"""What the music model looks at while it makes each moment: its cross-attention to the words, for scores and times.

One step of the conditional branch near the end of sampling, through as many layers as are needed; the attention is
computed a second time for the chosen heads alone, in the open, and nothing of it stays in the model (facts: scoring.md
B.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.config import DiTConfig
from engine.models.dit import CrossAttention, DiT, Memory
from engine.models.primitives import Rotary

Heads = Mapping[int, Sequence[int]]
"""Layers, and which of their heads follow the words."""

_TWO_BILLION: Heads = {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)}
_NOISE_SEED = 42


def heads_of(config: DiTConfig) -> Heads:
    """The heads that follow the words in a model: its own word for it, else those of the published 2B; else none."""
    if config.lyric_heads:
        layers, count = config.num_hidden_layers, config.num_attention_heads
        told = {layer: tuple(head for head in heads if 0 <= head < count) for layer, heads in config.lyric_heads}
        return {layer: heads for layer, heads in told.items() if 0 <= layer < layers and heads}
    sizes = (config.hidden_size, config.num_hidden_layers, config.num_attention_heads, config.encoder_hidden_size)
    return _TWO_BILLION if sizes in ((2048, 24, 16, None), (2048, 24, 16, 2048)) else {}


@torch.no_grad()
def attention_to_words(
    dit: DiT,
    latents: Tensor,
    context: Tensor,
    memory: Memory,
    rotary: Rotary,
    words: slice,
    steps: int,
    heads: Heads,
) -> Tensor:
    """Attention ``[heads, words, S]`` float32 on CPU, for clean ``latents`` ``[T, 64]`` a step before they are clean.

    ``words`` is where they are in the prompt; the softmax goes over all of it.
    """
    x, dtype = latents.unsqueeze(0), dit.scale_shift_table.dtype
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    noise = torch.randn(x.shape, generator=generator).to(x.device)
    t = 1.0 / max(steps, 1)
    time = dit.time(torch.tensor([t], device=x.device))
    h = dit.patch_in((t * noise + (1 - t) * x).to(dtype)) + context
    found: list[Tensor] = []
    for index, layer in enumerate(dit.in_turn()):
        if index > max(heads):
            break
        with _overheard(layer.cross_attn, memory.keys[index], heads.get(index, ()), words, found):
            h = layer(h, time, rotary, [memory], index)
    return torch.cat(found)


@contextmanager
def _overheard(
    cross: CrossAttention, keys: Tensor, heads: Sequence[int], words: slice, found: list[Tensor]
) -> Iterator[None]:
    """Adds to ``found`` what the chosen heads of one layer attend to while the block lasts."""
    group = cross.heads // cross.kv_heads

    def hear(_: nn.Module, given: tuple[Any, ...]) -> None:
        q = cross.q_norm(cross.q_proj(given[0]).unflatten(-1, (cross.heads, cross.dim)))[0]
        for head in heads:
            scores = q[:, head].float() @ keys[0, head // group].float().t() * cross.dim**-0.5
            found.append(scores.softmax(dim=-1)[:, words].t().unsqueeze(0).cpu())

    handle = cross.register_forward_pre_hook(hear) if heads else None
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()
