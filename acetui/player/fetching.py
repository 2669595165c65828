"""The audio of takes for playing: of a studio on this machine from its folder, of others fetched and kept.

What is fetched can be played from its first bytes; a place further on is fetched next when somebody goes there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from acetui.player.cache import Cache
from acetui.player.growing import Growing
from acetui.player.sounds import Sound
from engine.errors import EngineError

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Part(Protocol):
    """Bytes of a file on their way: of ``size`` bytes those from ``start`` on; ``tag`` is the state of the file."""

    start: int
    size: int
    tag: str

    def pieces(self) -> AsyncIterator[bytes]:
        """The bytes."""


class HasAudio(Protocol):
    """A studio that gives audio away."""

    def audio(self, key: int | str, start: int = 0) -> AbstractAsyncContextManager[Part]:
        """The audio of a take from a byte on."""


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    try:
        yield
    except OSError as cause:
        reason = cause.strerror or "the disk refuses it"
        raise EngineError(f"The audio cannot be kept ({reason}).", "ACETUI_CACHE names another folder.") from None


class Fetcher:
    """Finds audio. ``folder`` is the session's, where it is on this machine. One take comes at a time.

    ``pace`` is how many bytes a second may come, None for all that the line has.
    """

    def __init__(
        self,
        studio: Callable[[], HasAudio],
        folder: Path | None,
        cache: Cache | None = None,
        pace: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._studio = studio
        self._pace = pace
        self._folder = folder
        self._cache = cache or Cache()
        self._coming: dict[str, Growing] = {}
        self._queue: list[str] = []
        """The takes that are not whole, the most wanted first."""

        self._task: asyncio.Task[None] | None = None

    async def sound(self, take: Mapping[str, Any]) -> Sound:
        """A take as something to be heard; its bytes come before all others. Raises EngineError where it has none."""
        name = take["files"].get("audio")
        if name is None or take.get("stored", "whole") != "whole":
            raise EngineError(f"Take {take['number']} has no audio.", "'f' makes it again, if its latents are kept.")
        about = {"key": take["id"], "seconds": take["duration"], "loudness": take.get("loudness")}
        if self._folder is not None and (path := self._folder / name).is_file():
            return Sound(path=path, **about)
        growing = await self._known(take, Path(name).suffix)
        self._want([take["id"], *self._queue])
        return Sound(path=growing.path, coming=None if growing.whole else growing, **about)

    async def prefetch(self, takes: Sequence[Mapping[str, Any]]) -> None:
        """Has takes come that may be heard next, after what is wanted now, and no others."""
        near = []
        for take in takes:
            name = take["files"].get("audio")
            if name is None or (self._folder is not None and (self._folder / name).is_file()):
                continue
            with contextlib.suppress(EngineError):  # it is told when somebody wants to hear it
                await self._known(take, Path(name).suffix)
                near.append(take["id"])
        self._want([*self._queue[:1], *near])

    async def settle(self) -> None:
        """Waits until nothing is being fetched."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Fetches nothing more; what has come is kept for another day."""
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for growing in self._coming.values():
            growing.close()
        self._coming.clear()

    async def _known(self, take: Mapping[str, Any], suffix: str) -> Growing:
        """The file of a take, as much of it as there is."""
        key = str(take["id"])
        if key not in self._coming:
            async with self._studio().audio(key) as part:
                with _disk():
                    path = await asyncio.to_thread(self._cache.place, key, part.tag, suffix)
                if key not in self._coming:
                    with _disk():
                        self._coming[key] = Growing(path, part.size)
        return self._coming[key]

    def _want(self, keys: Sequence[str]) -> None:
        self._queue = [key for key in dict.fromkeys(keys) if not self._coming[key].whole]
        if self._queue and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        """Fetches every part that is missing, what somebody waits for first."""
        failures = 0
        while self._queue:
            key = self._queue[0]
            growing = self._coming[key]
            if (gap := growing.gap()) is None:
                self._queue.remove(key)
                continue
            try:
                await self._fetch_part(key, growing, gap)
                failures = 0
            except EngineError as error:
                growing.fail(error)
                if failures >= len(RETRY_SECONDS):
                    self._queue.remove(key)
                    failures = 0
                    continue
                await asyncio.sleep(RETRY_SECONDS[failures])
                failures += 1
        await asyncio.to_thread(self._cache.trim, [each.path for each in self._coming.values()])

    async def _fetch_part(self, key: str, growing: Growing, gap: tuple[int, int]) -> None:
        """Fetches the bytes of a gap, until others are wanted more."""
        at, end = gap
        async with self._studio().audio(key, at) as part:
            if part.size != growing.size:
                raise EngineError("The audio of this take has changed meanwhile.", "Play it again.")
            async for piece in part.pieces():
                piece = piece[: end - at]
                with _disk():
                    await asyncio.to_thread(growing.write, at, piece)
                at += len(piece)
                following = growing.gap()
                if at >= end or following is None or following[0] != at or self._queue[:1] != [key]:
                    return
                if (pace := self._pace()) is not None:
                    await asyncio.sleep(len(piece) / pace)
        raise EngineError("The audio breaks off.", "Look at the studio's log.")
