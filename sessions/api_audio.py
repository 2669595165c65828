"""The audio of a take over HTTP, whole or in parts, and its outline for drawing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import web

from engine.errors import EngineError
from sessions.api_errors import ApiError
from sessions.api_route import PEAKS, studio_of, whole_number
from sessions.playing import LAPSE_SECONDS
from sessions.side_process import NoAnswer, NoLibraries, SideProcess
from sessions.take import WHOLE, Take
from sessions.whole_files import write_whole

PIECE = 1 << 18
_MEDIA = {".flac": "audio/flac", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".opus": "audio/ogg", ".ogg": "audio/ogg"}

MOST_COLUMNS = 1000
"""Columns of an outline, as ``engine.peaks`` makes it."""

MOST_KEPT = 1000
"""Outlines, of about 10 kB each."""


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` to ``end`` (exclusive) of ``size``; ``part`` if not all were asked for."""

    start: int
    end: int
    size: int
    part: bool


async def take_of(request: web.Request) -> Take:
    """The take that the path names, by number or id. Raises NoTake."""
    return await asyncio.to_thread(studio_of(request).store.get, request.match_info["id"])


async def audio(request: web.Request) -> web.StreamResponse:
    """Sends the file, or the part of it that was asked for; whoever fetches audio is about to play it."""
    take = await take_of(request)
    studio_of(request).playing.note(f" fetched {take.number}", take.number, take.duration + LAPSE_SECONDS)
    async with _open(studio_of(request).store.path(take), take) as (file, tag, size):
        headers = {
            "ETag": tag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Type": _MEDIA.get(Path(take.files["audio"]).suffix, "application/octet-stream"),
            "X-Content-Type-Options": "nosniff",
        }
        if tag in _tags(request.headers.get("If-None-Match", "")):
            return web.Response(status=304, headers=headers)
        span = span_of(request, size, tag)
        if span is None:
            sentence = {"error": "The audio has no such part.", "hint": f"It has {size} bytes.", "field": "Range"}
            headers |= {"Content-Range": f"bytes */{size}", "Content-Type": "application/json"}
            return web.Response(status=416, text=json.dumps(sentence) + "\n", headers=headers)
        if span.part:
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        response = web.StreamResponse(status=206 if span.part else 200, headers=headers)
        response.content_length = span.end - span.start
        await response.prepare(request)
        if request.method != "HEAD":
            await _send(response, file, span)
        await response.write_eof()
        return response


def span_of(request: web.Request, size: int, tag: str) -> Span | None:
    """Which bytes are wanted (RFC 9110, 14); None for a part that is not there.

    A part of another state of the file (If-Range), several parts, and what is no range at all get everything.
    """
    whole = Span(0, size, size, False)
    condition = request.headers.get("If-Range")
    if "Range" not in request.headers or (condition is not None and condition.strip() != tag):
        return whole
    unit, _, given = request.headers["Range"].strip().partition("=")
    first, dash, last = given.strip().partition("-")
    numbers = [text.strip() for text in (first, last)]
    if unit.lower() != "bytes" or not dash or any(text and not _is_number(text) for text in numbers):
        return whole
    if not numbers[0]:
        if not numbers[1]:
            return whole
        length = min(int(numbers[1]), size)
        return Span(size - length, size, size, True) if length else None
    start = int(numbers[0])
    if numbers[1] and int(numbers[1]) < start:
        return whole
    end = min(int(numbers[1]) + 1, size) if numbers[1] else size
    return Span(start, end, size, True) if start < size else None


async def peaks(request: web.Request) -> web.Response:
    """The outline of a take, made once and kept beside the studio's socket; in fewer ``columns`` if wanted."""
    studio, columns = studio_of(request), whole_number(request, "columns", MOST_COLUMNS, MOST_COLUMNS, least=1)
    take = await take_of(request)
    path = studio.store.path(take)
    async with _open(path, take) as (_, tag, _size):
        kept = studio.place.folder / "peaks" / f"{take.id}-{tag.strip(chr(34))}.json"
        text = await asyncio.to_thread(_read, kept)
        if text is None:
            async with request.app[PEAKS]:
                text = await asyncio.to_thread(_read, kept) or json.dumps(await decoded(studio.outlines, take, path))
            with contextlib.suppress(EngineError):  # it can be made again
                await asyncio.to_thread(_keep, kept, text)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if columns < MOST_COLUMNS:
        text = json.dumps(fewer(json.loads(text), columns)) + "\n"
    return web.Response(text=text, content_type="application/json", headers=headers)


def fewer(outline: dict[str, Any], columns: int) -> dict[str, Any]:
    """The same outline in at most so many columns; each has the extremes of those that it stands for."""
    have = len(outline["low"])
    if have <= columns:
        return outline
    ends = [index * have // columns for index in range(columns + 1)]
    spans = list(itertools.pairwise(ends))
    low, high = outline["low"], outline["high"]
    return {**outline, "low": [min(low[a:b]) for a, b in spans], "high": [max(high[a:b]) for a, b in spans]}


def _keep(path: Path, text: str) -> None:
    """Writes an outline down, and lets the oldest go where there are many."""
    write_whole(path, text.encode(), overwrite=True)
    kept = list(path.parent.glob("*.json"))
    if len(kept) > MOST_KEPT:
        with contextlib.suppress(OSError):
            for old in sorted(kept, key=lambda each: each.stat().st_mtime)[: MOST_KEPT // 4]:
                old.unlink()


async def decoded(side: SideProcess, take: Take, path: Path, **wanted: int) -> dict[str, Any]:
    """What a process of its own finds in the audio of ``take``: neither numpy nor a damaged file shall come into this.

    Raises ApiError where it cannot be decoded.
    """
    try:
        found = await side.ask({"file": os.fspath(path), **wanted})
    except NoLibraries as missing:
        raise ApiError(501, "Audio cannot be decoded here.", missing.hint) from None
    except NoAnswer:
        found = {"error": ""}
    if "error" in found:
        raise ApiError(409, f"The audio of take {take.number} cannot be decoded.", "'acetui verify' looks closer.")
    return found


@contextlib.asynccontextmanager
async def _open(path: Path, take: Take) -> AsyncIterator[tuple[BinaryIO, str, int]]:
    """The audio of ``take``, open, with its ETag and its size: of this very file, whatever becomes of its name."""
    try:
        file = await asyncio.to_thread(open, path, "rb")
    except OSError:
        hint = "'finish' makes it again." if take.stored != WHOLE else "Look at the session's folder."
        raise ApiError(404, f"The audio of take {take.number} is not there ({take.stored}).", hint) from None
    with file:
        found = os.fstat(file.fileno())
        yield file, f'"{found.st_mtime_ns:x}-{found.st_size:x}"', found.st_size


async def _send(response: web.StreamResponse, file: BinaryIO, span: Span) -> None:
    left = span.end - span.start
    file.seek(span.start)
    while left and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
        left -= len(piece)
        await response.write(piece)


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
