"""A connection to a studio: requests and their answers, audio as it comes, files that are sent, and events.

What can be asked for by name is ``acetui.client``. Failures that the studio answers with are raised as exceptions of
the engine's family, with the same words.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from engine.errors import EngineError, InvalidRequest

ATTACH_SECONDS = 20.0
"""How long to wait for a studio that has the session and does not answer yet, or not at the moment."""

WATCHING_SECONDS = 1.0
"""The same where somebody looks on who can be told, and who is attached anew."""

RETRY_SECONDS = 0.2
_SILENT_SECONDS = 60.0
"""After so long without a sign, heartbeats included, a stream of events is dead."""


class StudioGone(EngineError):
    """A studio that does not answer any more, or not to us."""


class Refused(EngineError):
    """An answer of the studio that says no; ``status`` is its HTTP status and ``content`` all that it said."""

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        super().__init__(str(content.get("error")), str(content.get("hint") or ""), field=content.get("field"))
        self.status = status
        self.content = content
        self.exit_code = 3 if status == 404 else 2 if status in (400, 403) else 1


class AudioPart:
    """Bytes of an audio file on their way, from ``start`` on of ``size``; ``tag`` is the state of the file."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        span = response.headers.get("Content-Range", "")
        self.start = int(span[len("bytes ") :].partition("-")[0]) if span else 0
        self.size = int(span.rpartition("/")[2]) if span else response.content_length or 0
        self.tag = response.headers.get("ETag", "").strip('"')

    def pieces(self) -> AsyncIterator[bytes]:
        """The bytes."""
        return aiter(self._response.content.iter_any())


class Connection:
    """A connection to one studio, for ``async with``: over its socket, or with an address and a token.

    ``patience`` is for how many seconds ``events`` looks for a studio that does not answer any more.
    """

    def __init__(
        self,
        token: str,
        *,
        door: Path | None = None,
        url: str = "http://localhost/",
        patience: float = ATTACH_SECONDS,
    ) -> None:
        self.patience = patience
        self.token = token
        connector = aiohttp.UnixConnector(path=str(door)) if door is not None else aiohttp.TCPConnector()
        self._http = aiohttp.ClientSession(
            base_url=url,
            connector=connector,
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; the studio stays."""
        await self._http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON answer to one request. Raises Refused and StudioGone."""
        try:
            async with self._http.request(method, path, json=body, params=query, headers=headers) as response:
                return await _content(response)
        except (aiohttp.ClientError, OSError) as cause:
            raise _gone(cause) from cause

    @contextlib.asynccontextmanager
    async def audio(self, key: int | str, start: int = 0) -> AsyncIterator[AudioPart]:
        """The audio of a take from a byte on, as it comes; closing it ends the sending."""
        headers = {"Range": f"bytes={start}-"}
        try:
            async with self._http.get(f"/api/takes/{key}/audio", headers=headers) as response:
                if response.status >= 400:
                    await _content(response)
                yield AudioPart(response)
        except (aiohttp.ClientError, OSError) as cause:
            raise _gone(cause) from cause

    async def upload(self, file: Path) -> str:
        """Sends a file to the session's sources, and returns the hash by which recipes name it.

        Raises InvalidRequest for what is no file that can be read.
        """
        try:
            content = await asyncio.to_thread(open, file, "rb")
        except OSError as cause:
            reason = f"'{file}' cannot be read: {(cause.strerror or str(cause)).lower()}."
            raise InvalidRequest(reason, "Name a sound file, with its folder.") from cause
        with content:
            try:
                query = {"name": file.name}
                async with self._http.post("/api/sources", data=content, params=query) as response:
                    return str((await _content(response))["hash"])
            except (aiohttp.ClientError, OSError) as cause:
                raise _gone(cause) from cause

    async def events(self, after: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every event from now on, or after the one with an id; a connection that breaks is made again.

        Each has ``event`` and ``id``; one called ``missed`` says that some cannot be had again. Ends when the studio
        says that it ends; raises StudioGone where it cannot be reached any more.
        """
        failures = 0
        while True:
            try:
                async for event in self._stream(after):
                    failures, after = 0, event["id"]
                    yield event
                return
            except (aiohttp.ClientError, OSError) as cause:
                failures += 1
                if failures > self.patience / RETRY_SECONDS:
                    raise _gone(cause) from cause
            await asyncio.sleep(RETRY_SECONDS)

    async def _stream(self, after: str | None) -> AsyncIterator[dict[str, Any]]:
        headers = {} if after is None else {"Last-Event-ID": after}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENT_SECONDS)
        async with self._http.get("/api/events", headers=headers, timeout=timeout) as response:
            if response.status != 200:
                await _content(response)
            async for data in _data(response.content):
                yield json.loads(data)


async def _content(response: aiohttp.ClientResponse) -> dict[str, Any]:
    content = await response.json(content_type=None) if response.status != 304 else {}
    if not isinstance(content, dict):
        content = {"error": f"The studio answered with {response.status}.", "hint": "Look at its log."}
    if response.status >= 400:
        raise Refused(response.status, content)
    return content


async def _data(stream: aiohttp.StreamReader) -> AsyncIterator[str]:
    """The data of every server-sent event; what is cut off at the end is none."""
    lines: list[str] = []
    buffer = b""
    async for piece in stream.iter_any():
        *whole, buffer = (buffer + piece).split(b"\n")
        for line in whole:
            if line.startswith(b"data:"):
                lines.append(line[5:].decode().removeprefix(" "))
            elif not line and lines:
                yield "\n".join(lines)
                lines = []


def _gone(cause: Exception) -> StudioGone:
    return StudioGone(f"The studio does not answer ({cause or type(cause).__name__}).", "Start it again with 'acetui'.")
