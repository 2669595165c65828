"""Weights on their way between the computer's memory and a card's: where they wait, and copies beside the work.

For a card what waits lies in pinned memory, from which it fetches by itself, on a stream of its own. Without one the
same steps are plain copies, so that what moves when is the same everywhere.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any

import torch
from torch import Tensor

_log = logging.getLogger(__name__)

Moment = Any
"""A point in the work of a stream, to be waited for by another; None where everything happens at once."""


class Mover:
    """Copies at once: between places of one memory, or where a device has no streams."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def home(self, size: int) -> Tensor:
        """Where ``size`` bytes wait, uint8."""
        return torch.empty(size, dtype=torch.uint8)

    def place(self, size: int) -> Tensor:
        """Room for ``size`` bytes on the device, uint8."""
        return torch.empty(size, dtype=torch.uint8, device=self.device)

    def fetch(self, home: Tensor, place: Tensor, after: Moment) -> Moment:
        """Begins to copy ``home`` to ``place`` once ``after`` has come; returns when that is done."""
        place[: home.numel()].copy_(home)
        return None

    def reach(self, moment: Moment) -> None:
        """What is computed from now on waits for ``moment``."""

    def now(self) -> Moment:
        """The moment at which everything is computed that was asked for so far."""
        return None

    def let_go(self) -> None:
        """Room that is not used any more is given back to the device."""


class CudaMover(Mover):
    """Copies from pinned memory, beside what is computed."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        _pin_no_more_than_is_asked_for()
        self._beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def home(self, size: int) -> Tensor:
        """Pinned memory; other memory where the system gives no more of that, from which copies are slower."""
        try:
            return torch.empty(size, dtype=torch.uint8, pin_memory=True)
        except RuntimeError as cause:
            _log.warning("Weights wait in memory that is not pinned: %s", cause)
            return super().home(size)

    def fetch(self, home: Tensor, place: Tensor, after: Moment) -> Moment:
        """On a stream of its own."""
        with torch.cuda.stream(self._beside):
            if after is not None:
                self._beside.wait_event(after)
            place[: home.numel()].copy_(home, non_blocking=True)
            return self._beside.record_event()

    def reach(self, moment: Moment) -> None:
        """The stream that computes waits, and the processor goes on."""
        if moment is not None:
            torch.cuda.current_stream(self.device).wait_event(moment)

    def now(self) -> Moment:
        """An event of the stream that computes."""
        return torch.cuda.current_stream(self.device).record_event()

    def let_go(self) -> None:
        """Other programs, and other sizes of room, can have it."""
        torch.cuda.empty_cache()


_UNROUNDED = "pinned_max_round_threshold_mb:16"
"""Above so much, pinned memory is as large as was asked for."""


def _pin_no_more_than_is_asked_for() -> None:
    """Unless it is told not to, torch rounds pinned memory up to a power of two: of weights that can be half of it.

    Older versions cannot be told.
    """
    told = os.environ.get("PYTORCH_ALLOC_CONF") or os.environ.get("PYTORCH_CUDA_ALLOC_CONF") or ""
    tell = getattr(torch._C, "_accelerator_setAllocatorSettings", None)
    if tell is not None and "pinned_max_round_threshold_mb" not in told:
        with contextlib.suppress(RuntimeError, ValueError):
            tell(",".join(filter(None, (told, _UNROUNDED))))


def mover_for(device: torch.device) -> Mover:
    """The way that weights move to a device."""
    return CudaMover(device) if device.type == "cuda" else Mover(device)
