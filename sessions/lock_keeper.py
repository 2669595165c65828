"""A session's lock, kept for as long as a process works on the session: it beats, and is taken again if it must be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import EngineError
from sessions.lock import BEAT_SECONDS, LockLost, SessionBusy, SessionLock

_TRIES = 4
_RETRY_SECONDS = 0.05


class LockKeeper:
    """Holds the session in ``folder`` inside an ``async with`` block; entering it raises as ``SessionLock.acquire``.

    ``socket`` is where the holder can be reached, if it can be.
    """

    def __init__(self, folder: Path, socket: Path | None = None, beat_seconds: float = BEAT_SECONDS) -> None:
        self._folder = folder
        self._socket = None if socket is None else str(socket)
        self._beat_seconds = beat_seconds
        self._lock: SessionLock | None = None
        self._beating: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        """Set when somebody else has the session: whoever holds this must write to it no more."""

    async def __aenter__(self) -> Self:
        self._lock = await self._acquire()
        self._beating = asyncio.create_task(self._beat(self._lock))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._lock is not None:
            self._lock.release()

    async def _acquire(self) -> SessionLock:
        """The lock. Whoever looks who has it holds it for a moment too: it is refused only if that goes on."""
        for _ in range(_TRIES - 1):
            try:
                return await asyncio.to_thread(SessionLock.acquire, self._folder, socket_path=self._socket)
            except SessionBusy:
                await asyncio.sleep(_RETRY_SECONDS)
        return await asyncio.to_thread(SessionLock.acquire, self._folder, socket_path=self._socket)

    async def _beat(self, lock: SessionLock) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            try:
                await asyncio.to_thread(lock.beat)
            except OSError:
                continue  # a disk that is full or away for a moment
            except LockLost:
                try:  # somebody removed the file; unless another process was faster, the session is still ours
                    again = await asyncio.to_thread(
                        SessionLock.acquire, self._folder, socket_path=self._socket, watch=0.0
                    )
                except SessionBusy:
                    self.lost.set()
                    return
                except EngineError:
                    continue
                lock.release()
                self._lock = lock = again
