"""The planner's network while it is trained: the engine's own modules, over many pages at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import LMConfig
from engine.models.planner_lm import PlannerLM


def make_planner(config: LMConfig, seed: int) -> PlannerLM:
    """A fresh network, the same for the same seed: every branch begins as next to nothing."""
    network = PlannerLM(config, config.vocab_size)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            _initialise(name, parameter, generator)
    return network


def _initialise(name: str, parameter: nn.Parameter, generator: torch.Generator) -> None:
    if parameter.dim() < 2:
        parameter.fill_(1.0)
        return
    fan = parameter.shape[1]
    small = 0.1 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
    scale = 0.5 * fan**-0.5 if name == "embed_tokens.weight" else small * fan**-0.5
    parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)


def hidden_states(network: PlannerLM, tokens: Tensor, lengths: Sequence[int]) -> Tensor:
    """The hidden state ``[N, hidden]`` of every token ``[N]`` of pages that lie one behind another.

    Nothing is padded but keys and queries, where a page attends to itself alone.
    """
    places = torch.cat([torch.arange(length, device=tokens.device) for length in lengths])
    rotation = network.rotation(places)
    longest = max(lengths)
    row = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(list(lengths))).to(tokens.device)
    x = network.embed_tokens(tokens)
    for layer in network.in_order():
        q, k, v = layer.self_attn(layer.input_layernorm(x), rotation)
        q, k, v = (_padded(part, row, places, len(lengths), longest) for part in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + layer.self_attn.o_proj(out.transpose(1, 2)[row, places].flatten(1))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    normed: Tensor = network.norm(x)
    return normed


def _padded(part: Tensor, row: Tensor, places: Tensor, rows: int, longest: int) -> Tensor:
    """``[N, heads, D]`` to ``[rows, heads, longest, D]``."""
    out = part.new_zeros(rows, longest, part.shape[1], part.shape[2])
    return out.index_put((row, places), part).transpose(1, 2)
