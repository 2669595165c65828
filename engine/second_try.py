"""Once more: where a card's memory runs out, what is only kept there is let go, and the same is tried a second time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from typing import TypeVar

import torch

from engine.events import Progress, Remark

R = TypeVar("R")


def once_more(
    stage: str, work: Callable[[], Generator[Progress, None, R]], let_go: Callable[[], None]
) -> Generator[Progress | Remark, None, R]:
    """``work``, and where memory runs out in it, after ``let_go``, the same again. What fails twice has failed.

    ``stage`` is what is done, as the end of "Memory ran out while".
    """
    try:
        return (yield from work())
    except torch.OutOfMemoryError:
        pass  # what follows is outside of the handler, which holds what was computed so far
    let_go()
    gc.collect()
    torch.cuda.empty_cache()
    yield Remark(f"Memory ran out while {stage}. What was kept beside the models is let go, and it is tried once more.")
    return (yield from work())
