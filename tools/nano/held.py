"""Single weights that stay as they are while the rest of their matrix is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Index: TypeAlias = Any
"""What a tensor may be indexed with."""


class Held:
    """Values of single weights, and where they are."""

    def __init__(self) -> None:
        self._kept: dict[Tensor, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def write(self, parameter: Tensor, index: Index, value: Tensor | float) -> None:
        """Writes and keeps; later values replace earlier ones."""
        parameter[index] = value
        self.keep(parameter, index)

    @torch.no_grad()
    def keep(self, parameter: Tensor, index: Index) -> None:
        """Keeps what is there."""
        if parameter not in self._kept:
            self._kept[parameter] = (torch.zeros_like(parameter, dtype=torch.bool), torch.zeros_like(parameter))
        where, values = self._kept[parameter]
        where[index] = True
        values[index] = parameter[index]

    def still(self) -> None:
        """No gradient reaches them any more, so none counts for the rest of their matrix."""
        for parameter, (where, _) in self._kept.items():
            if parameter.requires_grad:
                parameter.register_hook(_without(where))  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def hold(self) -> None:
        """Puts them back, as an optimiser moves weights without a gradient too."""
        for parameter, (where, values) in self._kept.items():
            parameter.copy_(torch.where(where, values, parameter))


def _without(where: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda slope: slope.masked_fill(where, 0.0)
