"""What a render tells of while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.take import Take


@dataclass(frozen=True)
class Progress:
    """One step of a stage is done. ``take`` is the item of the batch, where the stage has one."""

    stage: str
    done: int
    total: int
    take: int | None = None


@dataclass(frozen=True)
class Remark:
    """Something a person should know that is not an error."""

    text: str


@dataclass(frozen=True)
class TakeReady:
    """An item of the batch is finished."""

    take: Take
    index: int


class Cancel(Protocol):
    """Anything with ``is_set``, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Whether to stop."""
