"""What an adapter makes of a weight (facts: checkpoints.md 10.4). Everything is float32 until it is written back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.adapters.reading import Change

Parts = Mapping[str, Tensor]
"""The tensors of one module by what they are of it, float32 on the device of the weight."""


def adapted(weight: Tensor, change: Change, parts: Parts, scale: float, eps: float) -> Tensor:
    """``weight`` ``[out, in]`` float32 under one adapter at ``scale`` (0 leaves it, 1 is what was trained).

    ``eps`` guards LyCORIS's division as LyCORIS does: the precision of the dtype that the weight is kept in.
    """
    moved = weight + scale * _factor(change, parts) * _difference(parts)
    if "magnitude" in parts:  # PEFT divides without a guard
        return _rescaled(moved, parts["magnitude"].view(-1, 1), scale, 0.0)
    if "dora_scale" in parts:
        return _rescaled(moved, parts["dora_scale"].view(*_two_axes(parts["dora_scale"])), scale, eps)
    return moved


def _factor(change: Change, parts: Parts) -> float:
    alpha = float(parts["alpha"]) if "alpha" in parts else change.alpha
    return 1.0 if alpha is None or change.divisor is None else alpha / change.divisor


def _difference(parts: Parts) -> Tensor:
    """LoRA's product of two low matrices, or LoKr's of two Kronecker factors."""
    if "down" in parts:
        return parts["up"] @ parts["down"]
    first, second = (parts[name] if name in parts else parts[f"{name}_a"] @ parts[f"{name}_b"] for name in ("w1", "w2"))
    return torch.kron(first.contiguous(), second.contiguous())


def _rescaled(moved: Tensor, magnitude: Tensor, scale: float, eps: float) -> Tensor:
    """DoRA: rows, or columns where the magnitudes lie so, brought to the lengths that were learnt."""
    axis = 1 if magnitude.shape[1] == 1 else 0
    length: Tensor = torch.linalg.vector_norm(moved, dim=axis, keepdim=True) + eps
    return moved * (scale * magnitude / length + (1 - scale))


def _two_axes(magnitude: Tensor) -> tuple[int, int]:
    return (magnitude.shape[0], magnitude.shape[1]) if magnitude.dim() == 2 else (magnitude.shape[0], 1)
