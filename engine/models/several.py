"""Several tokens of a row at once, every row at its own place: what checking a draft needs (``engine.planner.ahead``).

On CPU each token's numbers are those that it would have by itself, bit for bit: a product does not show how many rows
it has, and attention is asked token by token, behind the keys and values of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.planner_lm import Lane, PlannerLM

Places = Sequence[Sequence[int]]
"""Of each row that goes on, which of its own tokens are read now, counted from the end of its prompt."""


def read_on(network: PlannerLM, tokens: Tensor, lanes: Sequence[Lane], rows: Sequence[int], places: Places) -> Tensor:
    """Reads ``tokens`` ``[N]``, those of the first of ``rows`` and then the next; hidden states ``[lanes, N, hidden]``.

    Every row has as many ``places``. The lanes stay where they are, at the end of their prompts, and have room; what a
    row had at those places, and what is behind them, no longer counts.
    """
    count, device = tokens.shape[0], tokens.device
    row = torch.tensor([row for row, each in zip(rows, places, strict=True) for _ in each], device=device)
    own = torch.tensor([place for each in places for place in each], device=device)
    where = [own + lane.length for lane in lanes]
    x = network.filled_up(network.embed_tokens(tokens.repeat(len(lanes))))
    rotation = network.rotation(F.pad(torch.cat(where), (0, x.shape[0] - count * len(lanes))))
    cells = [list(zip(row.tolist(), place.tolist(), strict=True)) for place in where]
    for index, layer in enumerate(network.in_order()):
        q, k, v = layer.self_attn(layer.input_layernorm(x), rotation)
        out = torch.zeros_like(q)
        for number, lane in enumerate(lanes):
            mine = slice(number * count, (number + 1) * count)
            lane.keys[index, row, :, where[number]] = k[mine]
            lane.values[index, row, :, where[number]] = v[mine]
            kept = (lane.keys[index], lane.values[index])
            look = _one_by_one if device.type == "cpu" else _masked
            out[mine] = look(q[mine], *kept, cells[number], len(rows))
        x = x + layer.self_attn.o_proj(out.flatten(1))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return network.norm(x)[: count * len(lanes)].view(len(lanes), count, -1)  # type: ignore[no-any-return]


def _one_by_one(q: Tensor, keys: Tensor, values: Tensor, cells: Sequence[tuple[int, int]], rows: int) -> Tensor:
    """``[N, heads, D]`` over what each token's row has up to its place; the arithmetic of a single step."""
    q = q.view(q.shape[0], 1, keys.shape[1], -1, q.shape[2])
    parts = [
        F.scaled_dot_product_attention(q[n], keys[row : row + 1, :, : place + 1], values[row : row + 1, :, : place + 1])
        for n, (row, place) in enumerate(cells)
    ]
    return torch.cat(parts).flatten(1, 2)


def _masked(q: Tensor, keys: Tensor, values: Tensor, cells: Sequence[tuple[int, int]], rows: int) -> Tensor:
    """The same in one call, what is not a token's to see behind a mask."""
    each = len(cells) // rows
    seen = max(place for _, place in cells) + 1
    places = torch.tensor([place for _, place in cells], device=q.device).view(rows, each)
    wanted = torch.tensor([row for row, _ in cells[::each]], device=q.device)
    hidden = torch.arange(seen, device=q.device) > places.unsqueeze(-1)
    group = q.shape[1] // keys.shape[1]
    mask = q.new_zeros(rows, each, seen).masked_fill_(hidden, -torch.inf).repeat_interleave(group, 1).unsqueeze(1)
    grouped = q.view(rows, each, keys.shape[1], group, -1).transpose(1, 2).flatten(2, 3)
    out = F.scaled_dot_product_attention(grouped, keys[wanted, :, :seen], values[wanted, :, :seen], attn_mask=mask)
    return out.view(rows, keys.shape[1], each, group, -1).transpose(1, 2).reshape(q.shape)
