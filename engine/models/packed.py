"""Matrices in one byte a number, written and multiplied: what ``engine.quantisation`` takes of a model.

torch alone does it. A library for it (torchao) wants the whole model in memory before it begins, and gives tensors of a
class of its own; here each row is packed while it is read, so the whole model never has to have room, and a row can be
written again, which is how adapters come on and off. What it computes is the same: the matrix is widened for each
product, and every row of the result is scaled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.primitives import Fused

_STORES = {"int8_weight_only": (torch.int8, 127.0), "fp8_weight_only": (torch.float8_e4m3fn, 448.0)}
"""What each method keeps numbers in, and the largest of them."""

_LAYERS = re.compile(r"(decoder|encoder\.\w+)\.layers\.")


class Packed(nn.Module):
    """A linear without bias, ``[rows, columns]``, in one byte a number; ``parts`` as in ``Fused``, if it was one."""

    def __init__(self, rows: int, columns: int, method: str, dtype: torch.dtype, parts: dict[str, int]) -> None:
        """``dtype`` is that of what it multiplies, and of its scales."""
        super().__init__()
        store, self.largest = _STORES[method]
        self.parts = parts
        self.packed = nn.Parameter(torch.zeros(rows, columns, dtype=store), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(rows, dtype=dtype), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., columns]`` to ``[..., rows]``."""
        return F.linear(x, self.packed.to(x.dtype)).mul_(self.scale)

    def write(self, start: int, rows: Tensor) -> None:
        """Packs ``rows`` ``[count, columns]`` of any float type into their place."""
        stop = start + rows.shape[0]
        values = rows.to(self.packed.device, torch.float32)
        # The scale is rounded first, so that its rounding is not a second error in every number of the row.
        scale = (values.abs().amax(dim=1) / self.largest).clamp_min(torch.finfo(self.scale.dtype).tiny)
        self.scale[start:stop] = scale
        scaled = (values / self.scale[start:stop].float().unsqueeze(1)).clamp(-self.largest, self.largest)
        self.packed[start:stop] = (scaled.round() if self.packed.dtype == torch.int8 else scaled).to(self.packed.dtype)

    def read(self, start: int, count: int) -> Tensor:
        """Rows as they are computed with, ``[count, columns]`` in the dtype of the scales."""
        rows = self.packed[start : start + count].to(self.scale.dtype)
        return rows * self.scale[start : start + count].unsqueeze(1)


@dataclass(frozen=True)
class PackedSlot:
    """Where one stored matrix goes: rows of a packed one. Like ``engine.models.loading.Slot``."""

    target: Packed
    start: int
    rows: int

    def write(self, value: Tensor) -> None:
        """Packs ``value`` into its place."""
        self.target.write(self.start, value)

    @property
    def value(self) -> Tensor:
        """What is there now, widened: a copy."""
        return self.target.read(self.start, self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the stored tensor must have."""
        return (self.rows, int(self.target.packed.shape[1]))


def pack(module: nn.Module, method: str) -> None:
    """Puts packed matrices in the place of those that are quantised; their weights are then to be written.

    To be called on a model without memory (``engine.models.loading.build``), in the dtype that it will compute in.
    """
    for path, part in list(module.named_modules()):
        if isinstance(part, nn.Linear) and "bias" not in dict(part.named_parameters()) and _LAYERS.match(path):
            above, _, name = path.rpartition(".")
            rows, columns = cast(tuple[int, int], tuple(part.weight.shape))
            parts = part.parts if isinstance(part, Fused) else {}
            with torch.device(part.weight.device):
                setattr(module.get_submodule(above), name, Packed(rows, columns, method, part.weight.dtype, parts))


def packed_slots(path: str, part: Packed) -> dict[str, PackedSlot]:
    """``attn.qkv`` is stored as ``attn.q_proj``, ``attn.k_proj``, ``attn.v_proj``; others under their own name."""
    above, _, own = path.rpartition(".")
    found, start = {}, 0
    for name, rows in (part.parts or {own: int(part.packed.shape[0])}).items():
        found[f"{above}.{name}.weight".lstrip(".")] = PackedSlot(part, start, rows)
        start += rows
    return found
