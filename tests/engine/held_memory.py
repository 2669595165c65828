"""How much memory a computation holds at once, counted on the device that has none: every tensor that is made and kept.

torch's ``meta`` device computes shapes alone. What it does not show is what a kernel takes inside itself.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.models import attention

META = torch.device("meta")


class Held(TorchDispatchMode):
    """Bytes that are held ``now`` of what was made inside of it, and the most at once since ``begin``."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes: dict[int, int] = {}
        self.now = self._base = self._most = 0

    def begin(self) -> None:
        """Counts from here."""
        self._base = self._most = self.now

    @property
    def most(self) -> int:
        """Bytes beyond what there was at ``begin``."""
        return self._most - self._base

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        made = operation(*given, **(named or {}))
        for each in tree_leaves(made):
            if isinstance(each, Tensor):
                self._count(each)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if (key := storage._cdata) not in self._sizes:
            size = -(-storage.nbytes() // 512) * 512
            self._sizes[key] = size
            self.now += size
            self._most = max(self._most, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self._sizes.pop(key, 0)


def as_on_a_card(monkeypatch: Any) -> None:
    """Has attention go the way that it goes on CUDA; its kernels hold nothing but what comes out."""

    def written_out(q: Tensor, k: Tensor, v: Tensor, *, masked: bool) -> tuple[Tensor, Tensor]:
        group = q.shape[1] // k.shape[1]
        return (k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)) if masked else (k, v)

    def fused(q: Tensor, k: Tensor, v: Tensor, **more: Any) -> Tensor:
        return q.new_empty(q.shape[0], q.shape[2], q.shape[1], q.shape[3]).transpose(1, 2)

    monkeypatch.setattr(attention, "for_fused_kernel", written_out)
    monkeypatch.setattr(F, "scaled_dot_product_attention", fused)
