"""Takes as something to be heard: where their audio comes from, and what was known of them when it came."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetui.hearing.errands import Errands
from engine.errors import EngineError
from sessions.lyric_times import TimedLine, timed_lines

if TYPE_CHECKING:
    from acetui.client import Client
    from acetui.hearing.elsewhere import Elsewhere
    from acetui.player.fetching import Fetcher
    from acetui.player.sounds import Sound

REST_SECONDS = 0.3
"""How long the cursor rests before what may be heard next is fetched."""


class TakeSounds:
    """The sounds of one session's takes; ``take`` asks for all that is known of one."""

    def __init__(
        self,
        client: Callable[[], Client],
        folder: Path,
        take: Callable[[int], Awaitable[Mapping[str, Any]]],
        errands: Errands,
    ) -> None:
        self.elsewhere: Elsewhere | None = None
        """Where audio comes from, in place of the studio's own line."""

        self.take = take
        self.fetcher: Fetcher | None = None
        """What fetches audio, once something was to be heard."""

        self._client = client
        self._folder = folder
        self._errands = errands
        self._ahead: asyncio.Task[None] | None = None
        self._known: dict[int, Mapping[str, Any]] = {}
        self._lines: dict[int, Sequence[TimedLine]] = {}

    async def sound(self, number: int) -> Sound:
        """A take as something to be heard. Raises EngineError where it has no audio."""
        from acetui.player.fetching import Fetcher

        take = await self.take(number)
        if self.fetcher is None:
            self.fetcher = Fetcher(lambda: self.elsewhere or self._client(), self._folder, pace=self._pace)
        sound = await self.fetcher.sound(take)
        self._known[number], self._lines[number] = take, timed_lines(take)
        return sound

    def known(self, number: int) -> Mapping[str, Any] | None:
        """What was known of a take when its sound was asked for."""
        return self._known.get(number)

    def number_of(self, key: str | None) -> int | None:
        """The take that a sound is of."""
        return next((number for number, take in self._known.items() if take["id"] == key), None)

    def lines(self, number: int) -> Sequence[TimedLine]:
        """The lines that are sung in it, with when."""
        return self._lines.get(number, ())

    def look_ahead(self, numbers: list[int]) -> None:
        """These may be heard next: where the studio is elsewhere, their audio comes meanwhile."""
        if self.fetcher is None or self._folder.is_dir():
            return
        if self._ahead is not None:
            self._ahead.cancel()
        self._ahead = self._errands.begin(self._fetch_ahead(numbers, self.fetcher))

    async def close(self) -> None:
        """Nothing is fetched any more."""
        if self.fetcher is not None:
            await self.fetcher.close()

    async def _fetch_ahead(self, numbers: list[int], fetcher: Fetcher) -> None:
        await asyncio.sleep(REST_SECONDS)
        with contextlib.suppress(EngineError):
            await fetcher.prefetch([await self.take(number) for number in numbers])

    def _pace(self) -> float | None:
        from acetui.hearing.elsewhere import SHARED_BYTES

        return SHARED_BYTES if self.elsewhere is not None and self.elsewhere.shares else None
