"""How many rows a product must have so that each row's numbers are its own.

A matrix library picks another order of summation for one row than for sixteen. From some count on it does not, but
which count that is depends on the library, the processor and the threads: so it is tried out, on the model's weights.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.planner_lm import PlannerLayer, PlannerLM

MOST = 16
"""Rows of the largest batch: eight items, each guided."""

_COUNTS = (1, 2, 4, 8)
_COLUMNS = 4096
"""Of a weight, so many outputs are looked at: the order of summation is that of its inputs."""


def steady_rows(network: PlannerLM) -> int:
    """The number whose multiples give every row the same numbers, up to ``MOST``; 1 where that is not promised.

    Equality is promised on CPU in float32; elsewhere it would cost more than it is worth.
    """
    if network.head.device.type != "cpu" or network.head.dtype != torch.float32:
        return 1
    layer = cast(PlannerLayer, network.layers[0])
    weights = (layer.self_attn.qkv, layer.self_attn.o_proj, layer.mlp.gate_up, layer.mlp.down_proj)
    looked_at = [*(part.weight[:_COLUMNS] for part in weights), network.head[:_COLUMNS]]
    return next((count for count in _COUNTS if all(_is_steady(weight, count) for weight in looked_at)), MOST)


@torch.no_grad()
def _is_steady(weight: Tensor, count: int) -> bool:
    """Whether every multiple of ``count`` gives the rows of ``MOST``, whichever of them they are."""
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(MOST, weight.shape[1], generator=generator)
    whole = F.linear(x, weight)
    for rows in range(count, MOST, count):
        for first in (0, MOST - rows):
            if not torch.equal(F.linear(x[first : first + rows].clone(), weight), whole[first : first + rows]):
                return False
    return True
