"""A studio of another machine, as the terminal sees it: whose it is, and how audio comes from there."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from acetui.player.fetching import Part

SHARED_BYTES = 1_000_000.0
"""Bytes of audio a second, some four times what is heard, where everything else comes over the same connection."""


class Elsewhere(Protocol):
    """What ``acetui connect`` gives the terminal."""

    host: str
    """As ssh knows it."""

    @property
    def shares(self) -> bool:
        """Whether audio comes over the same connection as everything else."""

    def audio(self, key: int | str, start: int = 0) -> AbstractAsyncContextManager[Part]:
        """The audio of a take from a byte on."""
