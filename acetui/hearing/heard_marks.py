"""A take that has played for a while is marked as heard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client

HEARD_SECONDS = 5.0
"""After so long a take counts as heard; a short one after half of it."""


class HeardMarks:
    """Counts for how long each take is heard, the current one alone."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self._id = ""
        self._spent = 0.0
        self._before = 0.0
        self._marked: set[str] = set()

    def begin(self, now: float) -> None:
        """Playing begins, or goes on, at a moment."""
        self._before = now

    async def heard(self, take: Mapping[str, Any], now: float) -> None:
        """``take`` was heard until now; once that is enough, the studio is told."""
        if take["id"] != self._id:
            self._id, self._spent = take["id"], 0.0
        self._spent, self._before = self._spent + now - self._before, now
        enough = self._spent >= min(HEARD_SECONDS, take["duration"] / 2)
        if enough and not take.get("heard") and self._id not in self._marked:
            self._marked.add(self._id)
            with contextlib.suppress(EngineError):  # the line is broken: it is heard again
                await self._client().change(take["number"], heard=True)
