"""How many rows a product must have so that each row's numbers are its own.

A matrix library picks another order of summation for one row than for sixteen. From some count on it does not, but
which count that is depends on the library, the processor and the threads: so it is tried out, on the model's weights,
as they are laid out for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.laid_out import LaidOut, lay_out
from engine.models.planner_lm import PlannerLayer, PlannerLM

MOST = 16
"""Rows of the largest batch: eight items, each guided."""

_COUNTS = (1, 2, 4, 8)
_CHEAP = 4
"""Rows up to which filling up costs next to nothing."""
_COLUMNS = 4096
"""Of a weight, so many outputs are looked at: the order of summation is that of its inputs."""


def prepare(network: PlannerLM) -> None:
    """Makes a network whose weights are in place ready to write: laid out where that is possible, and its rows even."""
    network.laid_out = lay_out(network.layers)
    network.even = steady_rows(network)


def steady_rows(network: PlannerLM) -> int:
    """The number whose multiples give every row the same numbers, up to ``MOST``; 1 where that is not promised.

    Equality is promised on CPU in float32; elsewhere it is there where it costs no more than filling up to ``_CHEAP``.
    """
    if network.head.device.type != "cpu":
        return 1
    layer = cast(PlannerLayer, network.layers[0])
    parts = (layer.self_attn.qkv, layer.self_attn.o_proj, layer.mlp.gate_up, layer.mlp.down_proj)
    products = [_product(part) for part in parts]
    head = network.rows_of_head(network.head[:_COLUMNS])
    products.append((network.head.shape[1], head if isinstance(head, LaidOut) else partial(F.linear, weight=head)))
    exact = network.head.dtype == torch.float32
    # Laid-out weights are read no slower for four rows than for fewer.
    counts = [count for count in _COUNTS if (count >= _CHEAP or not network.laid_out) and (count <= _CHEAP or exact)]
    found = next((count for count in counts if all(_is_steady(*each, count, network.head) for each in products)), MOST)
    return found if exact or found <= _CHEAP else _CHEAP if network.laid_out else 1


def _product(part: torch.nn.Module) -> tuple[int, Callable[[Tensor], Tensor]]:
    """The width of a layer's rows, and its product with them, or as much of it as says all."""
    if isinstance(part, LaidOut):
        return part.in_features, part
    weight = cast(Tensor, part.weight)[:_COLUMNS]
    return weight.shape[1], partial(F.linear, weight=weight)


@torch.no_grad()
def _is_steady(width: int, product: Callable[[Tensor], Tensor], count: int, like: Tensor) -> bool:
    """Whether every multiple of ``count`` gives the rows of ``MOST``, whichever of them they are."""
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(MOST, width, generator=generator).to(like.dtype)
    whole = product(x)
    for rows in range(count, MOST, count):
        for first in (0, MOST - rows):
            if not torch.equal(product(x[first : first + rows].clone()), whole[first : first + rows]):
                return False
    return True
