"""A region of what plays that is heard again and again: where it begins, where it ends, and on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.player.player import Player


class Regions:
    """Sets the region of a player. ``playing`` raises EngineError where nothing is heard; ``told`` hears of changes."""

    def __init__(self, playing: Callable[[], Player], told: Callable[[], None]) -> None:
        self._playing = playing
        self._told = told
        self._from: float | None = None
        """Where a region begins whose end is not set yet."""

    def begin(self) -> float:
        """It begins here; returns the second."""
        player = self._playing()
        heard = player.look()
        self._from = heard.second
        if heard.region is not None and heard.second < heard.region[1]:
            player.loop(heard.second, heard.region[1])
        self._told()
        return self._from

    def end(self) -> tuple[float, float]:
        """It ends here, and is heard from now on; without a beginning it is that of the take."""
        player = self._playing()
        heard = player.look()
        start = self._from if self._from is not None else heard.region[0] if heard.region is not None else 0.0
        region = player.loop(start, heard.second)
        if region is None:
            raise EngineError("A region is half a second long at least.", "'[' where it begins, ']' where it ends.")
        self._told()
        return region

    def put(self, start: float, end: float) -> None:
        """It is this one, which is heard from its beginning where one is outside of it."""
        player = self._playing()
        if player.loop(start, end) is not None and not start <= player.look().second < end:
            player.seek(start)
        self._told()

    def off(self) -> None:
        """Plays on after it. Raises EngineError where nothing is heard."""
        self._from = None
        self._playing().unloop()
        self._told()

    def forget(self) -> None:
        """Another take plays: what was begun counts no more."""
        self._from = None
