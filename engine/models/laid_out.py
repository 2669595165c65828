"""Weights in the layout of the processor's own kernels, so that a product with few rows is bound by memory alone.

Stock products take a weight as it lies. With two to sixteen rows, which is what writing token after token needs, they
read memory at a third of its speed and less (docs/performance.md); oneDNN's kernels, given a weight in blocks of their
own choice, read it as fast as it can be read. A weight is laid out once and takes the place of the one it is made from.
"""

from __future__ import annotations

import platform

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_ROWS = 4
"""The number of rows that the layout is chosen for; those for more are the same or as fast."""

_MACHINES = ("x86_64", "AMD64")
"""Where it was measured."""


class LaidOut(nn.Module):
    """A matrix ``[N, K]`` without bias, laid out for products with rows ``[rows, K]``."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)

    def forward(self, x: Tensor) -> Tensor:
        """``[rows, K]`` to ``[rows, N]``."""
        rows = x.shape[0]
        if rows == 1:  # which has a kernel of its own, many times as slow as that for four
            x = F.pad(x, (0, 0, 0, _ROWS - 1))
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, None, "none", [], "")
        return product[:rows]


def can_lay_out(weight: Tensor) -> bool:
    """Whether there are such kernels for a weight, here."""
    if weight.device.type != "cpu" or platform.machine() not in _MACHINES:
        return False
    operations = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not all(hasattr(operations, name) for name in ("_reorder_linear_weight", "_linear_pointwise")):
        return False
    fast = weight.dtype == torch.bfloat16 and bool(operations._is_mkldnn_bf16_supported())
    return fast or weight.dtype == torch.float32


def lay_out(network: nn.Module) -> bool:
    """Lays out every linear layer of ``network`` without a bias, one after another; whether that was possible.

    What is laid out can be multiplied with and no longer be written to or be put elsewhere, so this comes last.
    """
    places = [(parent, name) for parent in network.modules() for name, part in parent.named_children() if _plain(part)]
    if not places or not all(can_lay_out(getattr(parent, name).weight) for parent, name in places):
        return False
    for parent, name in places:  # the one that is replaced is let go at once: there is never room for all twice
        setattr(parent, name, LaidOut(getattr(parent, name).weight))
    return True


def _plain(part: nn.Module) -> bool:
    """Whether it is a linear layer without a bias."""
    return isinstance(part, nn.Linear) and "bias" not in dict(part.named_parameters())
