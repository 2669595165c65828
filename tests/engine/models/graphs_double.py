"""CUDA graphs on a processor: what is computed in a capture is noted, operation by operation, and computed again.

A replay reads the very tensors that the capture read, and writes to those that it wrote, as a card does with addresses:
what is not copied into its place before is not seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass
class Graph:
    """Stands in for ``torch.cuda.CUDAGraph``."""

    noted: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = field(default_factory=list)
    replays: int = 0

    def replay(self) -> None:
        """Computes it all again, into the same places."""
        self.replays += 1
        for operation, given, named, made in self.noted:
            again = operation(*given, **named)
            for old, new in zip(tree_leaves(made), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class _Noting(TorchDispatchMode):
    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._graph = graph

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        made = operation(*given, **(named or {}))
        self._graph.noted.append((operation, given, named or {}, made))
        return made


def instead_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts them in the place of what recording asks of ``torch.cuda``."""

    @contextlib.contextmanager
    def capture(graph: Graph, stream: object = None) -> Iterator[None]:
        with _Noting(graph):
            yield

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
