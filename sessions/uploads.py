"""An upload on its way from the network into the sources of a session, without a copy in between."""

from __future__ import annotations

import asyncio
import io
from typing import BinaryIO, cast

from aiohttp import StreamReader

from sessions.api_errors import ApiError
from sessions.sources import Sources

LARGEST_UPLOAD = 512 * 2**20
"""Bytes of a file: more than ten minutes of the largest WAV."""


class _Feed(io.RawIOBase):
    """The body of a request as a file that a thread reads."""

    def __init__(self, stream: StreamReader, loop: asyncio.AbstractEventLoop, largest: int) -> None:
        self._stream = stream
        self._loop = loop
        self._left = largest

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end. Raises ApiError for more than there may be."""
        piece = asyncio.run_coroutine_threadsafe(self._stream.read(size), self._loop).result()
        self._left -= len(piece)
        if self._left < 0:
            raise ApiError(413, "The file is too large.", f"A source has at most {LARGEST_UPLOAD // 2**20} MiB.")
        return piece


async def receive(stream: StreamReader, name: str, sources: Sources, largest: int = LARGEST_UPLOAD) -> str:
    """Keeps what ``stream`` holds and returns its hash. Raises ApiError, InvalidRequest and RenderFailed."""
    feed = _Feed(stream, asyncio.get_running_loop(), largest)
    return await asyncio.to_thread(sources.receive, cast(BinaryIO, feed), name)
