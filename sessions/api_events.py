"""The events of a session as server-sent events, which a client can follow again where it left off.

An event's id is ``LIFE-NUMBER``: numbers begin anew with every start of the studio, and a client that comes back with
an id of an earlier life is told that it has ``missed`` some.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re

from aiohttp import web

from sessions.api_errors import ApiError
from sessions.api_route import said, studio_of
from sessions.events import MISSED, Event
from sessions.studio import Studio

HEARTBEAT_SECONDS = 15.0
"""How often a silent stream says that it lives: proxies and clients give up on one that does not."""

_COMMENT = b": \n\n"
_BEAT = b"event: beat\ndata: {}\n\n"
"""Pages are not told of comments, and want to know that the line lives too."""

LOOK_SECONDS = 1.0
"""How often it is looked whether the client is still there."""

_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})")


async def events(request: web.Request) -> web.StreamResponse:
    """Sends every event from now on, or after the one that the client has seen last, until one of the two ends."""
    studio = studio_of(request)
    life, after = _seen(request)
    is_page = said(request, "page")
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    counted = studio.following.page() if is_page else contextlib.nullcontext()
    with counted, contextlib.suppress(ConnectionError):  # the client is gone
        await response.write(b"retry: 1000\n\n")
        if life not in (None, studio.life):
            await response.write(_line(studio, Event(0, MISSED, {"after": f"{life}-{after}"})))
            after = 0
        await _follow(studio, request, response, after, _BEAT if is_page else _COMMENT)
    return response


async def _follow(
    studio: Studio, request: web.Request, response: web.StreamResponse, after: int | None, beat: bytes
) -> None:
    """Sends events until there are no more, or nobody is there; a ``beat`` after each silence."""
    now = asyncio.get_running_loop().time
    async with contextlib.aclosing(studio.events.follow(after)) as stream:  # type: ignore[type-var]
        coming = asyncio.ensure_future(anext(stream))
        said = now()
        try:
            while not _is_gone(request):
                done, _ = await asyncio.wait({coming}, timeout=min(LOOK_SECONDS, HEARTBEAT_SECONDS))
                if not done:
                    if now() - said >= HEARTBEAT_SECONDS:
                        said = now()
                        await response.write(beat)
                    continue
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                coming = asyncio.ensure_future(anext(stream))
                await response.write(_line(studio, event))
                said = now()
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


def _is_gone(request: web.Request) -> bool:
    """Whether the client has hung up; the server itself would find out with the next thing that it says."""
    return request.transport is None or request.transport.is_closing()


def _seen(request: web.Request) -> tuple[str | None, int | None]:
    """The life and the number of the event that the client has seen last; a page can only say it in its address.

    Raises ApiError for what is no id.
    """
    asked = request.headers.get("Last-Event-ID") or request.query.get("after")
    if asked is None:
        return None, None
    match = _ID.fullmatch(asked)
    if match is None:
        hint = "Send back the id of an event, or nothing."
        raise ApiError(400, "Last-Event-ID is not the id of an event.", hint, field="Last-Event-ID")
    return match[1], int(match[2])


def event_id(studio: Studio, number: int) -> str:
    """The id of an event as clients see it."""
    return f"{studio.life}-{number}"


def _line(studio: Studio, event: Event) -> bytes:
    data = json.dumps({**event.object(), "id": event_id(studio, event.id)}, allow_nan=False)
    return f"id: {event_id(studio, event.id)}\nevent: {event.event}\ndata: {data}\n\n".encode()
