"""The planner's network while it is trained: the engine's own modules, over many pages at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import LMConfig
from engine.models.planner_lm import PlannerLM

_OWN = 0.1
"""How fast a code's own part is learnt beside its levels."""


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


class Table(nn.Module):
    """The rows of all tokens, where an audio code is the sum of its levels, and a little that is its own.

    There are thousands of codes and few songs: what is learnt of a level holds for a fourth of all codes.
    """

    def __init__(self, network: PlannerLM, first_code: int, shape: Sequence[int], seed: int) -> None:
        """``shape`` is how many levels each dimension of a code has, the first counting least."""
        super().__init__()
        self.network, self.first_code = (network,), first_code
        generator = torch.Generator().manual_seed(seed)
        width = network.config.hidden_size
        self.levels = nn.Parameter(torch.randn(sum(shape), width, generator=generator) * 0.5 * width**-0.5)
        codes, place, columns = torch.arange(math.prod(shape)), 1, []
        for start, count in zip(accumulate(shape, initial=0), shape, strict=False):
            columns.append(start + codes // place % count)
            place *= count
        self.register_buffer("parts", torch.stack(columns, dim=1), persistent=False)

    @torch.no_grad()
    def keep(self) -> None:
        """Has the rows come out as they lie in the network now: what codes share goes to their levels again."""
        rows = self.network[0].embed_tokens.weight[self.first_code :]
        parts: Tensor = self.parts  # type: ignore[assignment]
        chosen = rows.new_zeros(len(rows), len(self.levels)).scatter_(1, parts, 1.0)
        self.levels.copy_(torch.linalg.lstsq(chosen, rows, driver="gelsd").solution)
        rows.copy_((rows - self.levels[parts].sum(dim=1)) / _OWN)

    def forward(self) -> Tensor:
        """``[vocabulary, hidden]``: what is published as the token table."""
        rows = self.network[0].embed_tokens.weight
        parts: Tensor = self.parts  # type: ignore[assignment]
        return torch.cat((rows[: self.first_code], _OWN * rows[self.first_code :] + self.levels[parts].sum(dim=1)))


def hidden_states(network: PlannerLM, tokens: Tensor, lengths: Sequence[int], table: Tensor | None = None) -> Tensor:
    """The hidden state ``[N, hidden]`` of every token ``[N]`` of pages that lie one behind another.

    ``table`` ``[vocabulary, hidden]`` goes before the network's own.

    Nothing is padded but keys and queries, where a page attends to itself alone.
    """
    places = torch.cat([torch.arange(length, device=tokens.device) for length in lengths])
    rotation = network.rotation(places)
    longest = max(lengths)
    row = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(list(lengths))).to(tokens.device)
    x = F.embedding(tokens, network.embed_tokens.weight if table is None else table)
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
