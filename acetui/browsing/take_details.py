"""The whole of the take under the cursor, with its outline: fetched when the cursor rests, and kept for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from acetui.browsing.row_text import Outline
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client

REST_SECONDS = 0.12
"""How long the cursor must rest: while it runs through the list, nothing is fetched for what it passes."""

MOST_KEPT = 40
"""Whole takes that are kept, of some ten kilobytes each."""


class TakeDetails:
    """One take at a time. ``told`` is called when there is something else to show."""

    def __init__(self, client: Callable[[], Client], told: Callable[[], None]) -> None:
        self.number: int | None = None
        """The take that is meant."""

        self.columns = 400
        """In how many columns its outline is asked for: as many as are drawn."""

        self.verified: dict[int, bool | None] = {}
        """What came of rendering takes again, by number, as far as that was done from here."""

        self._client = client
        self._told = told
        self._takes: OrderedDict[int, Mapping[str, Any]] = OrderedDict()
        self._outlines: OrderedDict[int, tuple[int, Outline | None]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    @property
    def take(self) -> Mapping[str, Any] | None:
        """All of the take, once it is known."""
        return None if self.number is None else self._takes.get(self.number)

    @property
    def outline(self) -> Outline | None:
        """Its outline, once it is known, where there is audio that can be decoded."""
        return None if self.number is None else self._outlines.get(self.number, (0, None))[1]

    def select(self, number: int | None) -> None:
        """Another take is meant, or the same one in another width."""
        self.number = number
        if self._task is not None:
            self._task.cancel()
        known = number in self._takes and self._outlines.get(number or 0, (0, None))[0] >= self.columns
        self._task = asyncio.create_task(self._fetch(number, known=known))

    def changed(self, take: Mapping[str, Any]) -> None:
        """A take is not what it was."""
        if take["number"] in self._takes or take["number"] == self.number:
            _keep(self._takes, take["number"], take)
            if take["number"] == self.number:
                self._told()

    def scored(self, event: Mapping[str, Any]) -> None:
        """A take was judged, or its parts weigh something else now."""
        if (take := self._takes.get(event["number"])) is not None:
            self.changed({**take, **{name: event[name] for name in ("score", "parts", "faults")}})

    def show(self) -> None:
        """Something about it is known that was not."""
        self._told()

    def forget(self) -> None:
        """All of it may be old."""
        self._takes.clear()
        self.select(self.number)

    async def whole(self, number: int) -> Mapping[str, Any]:
        """All of a take, from here or from the studio. Raises what the studio refuses with."""
        if number not in self._takes:
            _keep(self._takes, number, await self._client().take(number))
        return self._takes[number]

    async def settle(self) -> None:
        """Waits until nothing is being asked for."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    def close(self) -> None:
        """Asks for nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _fetch(self, number: int | None, *, known: bool) -> None:
        await asyncio.sleep(REST_SECONDS)
        if number is None or known:
            self._told()
            return
        try:
            await self.whole(number)
            self._told()
            columns, kept = self.columns, self._outlines.get(number)
            if kept is None or kept[0] < columns:
                _keep(self._outlines, number, (columns, await self._outline_of(number, columns)))
                self._told()
        except EngineError:  # the line is broken, or the take is gone: the list says so
            return

    async def _outline_of(self, number: int, columns: int) -> Outline | None:
        from acetui.client import Refused

        try:
            told = await self._client().peaks(number, columns)
        except Refused:  # no audio, or nothing that decodes it
            return None
        return tuple(told["low"]), tuple(told["high"])


def _keep(kept: OrderedDict[int, Any], number: int, value: Any) -> None:
    kept[number] = value
    kept.move_to_end(number)
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
