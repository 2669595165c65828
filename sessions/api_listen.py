"""Listening over HTTP: the page for browsers, what players play, and what the terminal shows for pages that follow it.

The page's own files hold nothing of the session, and are given to anybody who calls this machine by its name; all
that is in the session wants the token, as everywhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import web

from sessions.api_errors import ApiError, flag, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.following import Shown
from sessions.playing import LAPSE_SECONDS
from sessions.schemas import FLAG, NUMBER, TEXT, WHOLE, Schema, or_none, table

PAGE = "page.html"

_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_NOTHING_ELSE = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "media", "connect")),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": _NOTHING_ELSE,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""The page runs its own files and nothing else, asks nobody but its studio, and is shown in no frame."""

_PLAYER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@cache
def page_files() -> dict[str, tuple[str, bytes]]:
    """Every file of the page by its name: what it is, and its content."""
    folder = files("sessions") / "listen"
    return {
        each.name: (_MEDIA[f".{each.name.rpartition('.')[2]}"], each.read_bytes())
        for each in folder.iterdir()
        if f".{each.name.rpartition('.')[2]}" in _MEDIA
    }


async def page(request: web.Request) -> web.Response:
    """The page, or a file that it is made of."""
    found = page_files().get(request.match_info.get("file", PAGE))
    if found is None:
        raise ApiError(404, "The page has no such file.", "Reload it.")
    media, content = found
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {**HEADERS, "ETag": tag, "Content-Type": media}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, headers=headers)


async def played(request: web.Request) -> web.Response:
    """Notes what a player plays, and of a terminal what it shows."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("take", *_TERMINAL))
    player = request.match_info["player"]
    if not _PLAYER.fullmatch(player):
        hint = "Use up to 64 letters, digits, dots, dashes and underscores."
        raise ApiError(400, "That is no name of a player.", hint, field="player")
    shown = _shown(player, body)
    key = body.get("take")
    if key is not None and not isinstance(key, str) and type(key) is not int:
        raise ApiError(400, "take is the number or the id of a take, or null.", "Send one of them.", field="take")
    number = None if key is None else (await asyncio.to_thread(studio.store.get, key)).number
    studio.playing.note(player, number if shown is None or shown["playing"] else None)
    if shown is not None:
        studio.following.tell(Shown(take=number, **shown))
    return reply({"player": player, "take": number})


def _shown(player: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """What a terminal says of itself beside the take; None for a player that says nothing else. Raises ApiError."""
    if not any(name in body for name in _TERMINAL):
        return None
    selected, second = body.get("selected"), body.get("second", 0)
    if selected is not None and not (type(selected) is int and 0 < selected < 2**53):
        raise ApiError(400, "selected is the number of a take, or null.", "Send one of them.", field="selected")
    if not _is_moment(second):
        raise ApiError(400, "second is a number from 0.", "Send such a number.", field="second")
    flags = {name: flag(body, name) for name in ("playing", "sounds")}
    return {"player": player, "selected": selected, "second": float(second), "region": _region(body), **flags}


def _region(body: dict[str, Any]) -> tuple[float, float] | None:
    region = body.get("region")
    if region is None:
        return None
    if not (isinstance(region, list) and len(region) == 2 and all(map(_is_moment, region)) and region[0] < region[1]):
        raise ApiError(400, "region is a beginning and an end in seconds.", "Send [12.5, 20].", field="region")
    return float(region[0]), float(region[1])


def _is_moment(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value < 1e9


_TERMINAL: dict[str, Schema] = {
    "selected": or_none({"type": "integer", "minimum": 1}),
    "second": {"type": "number", "minimum": 0},
    "playing": FLAG,
    "sounds": FLAG,
    "region": or_none({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}),
}
_KEY = or_none({"type": ["integer", "string"]})

ROUTES = (
    Route(
        "PUT",
        "/api/playing/{player}",
        played,
        "Says which take a player plays, or that it plays none. Its audio is then kept whatever the quota says; it "
        f"lapses after {LAPSE_SECONDS:g} seconds, so a player says it again while it plays. A terminal also says what "
        "it has 'selected', and of the take the 'second', whether it is 'playing', whether that 'sounds' where the "
        "terminal is, and the 'region' that is heard again and again: pages that follow it get the event 'listening'.",
        {200: Answer("What was noted.", table({"player": TEXT, "take": or_none(WHOLE)}))},
        body=Body(table({"take": _KEY, **_TERMINAL})),
    ),
)

PAGES = ("/", "/listen/{file}")
"""Where the page is: beside the API, and not in its description."""
