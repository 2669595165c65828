"""The trash over HTTP, where removing is for good; and what plays, which is never taken away while it does."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from sessions.api_errors import ApiError, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.playing import LAPSE_SECONDS
from sessions.schemas import TEXT, WHOLE, or_none, ref, table

_PLAYER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


async def emptied(request: web.Request) -> web.Response:
    """Removes everything in the trash."""
    numbers = await asyncio.to_thread(studio_of(request).store.empty_trash)
    return reply({"deleted": numbers})


async def deleted(request: web.Request) -> web.Response:
    """Removes one take that is in the trash."""
    take = await asyncio.to_thread(studio_of(request).store.delete, request.match_info["id"])
    return reply(take.object())


async def played(request: web.Request) -> web.Response:
    """Notes what a player plays."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("take",))
    player, key = request.match_info["player"], body.get("take")
    if not _PLAYER.fullmatch(player):
        hint = "Use up to 64 letters, digits, dots, dashes and underscores."
        raise ApiError(400, "That is no name of a player.", hint, field="player")
    if key is not None and not isinstance(key, str) and type(key) is not int:
        raise ApiError(400, "take is the number or the id of a take, or null.", "Send one of them.", field="take")
    number = None if key is None else (await asyncio.to_thread(studio.store.get, key)).number
    studio.playing.note(player, number)
    return reply({"player": player, "take": number})


_KEY = or_none({"type": ["integer", "string"]})

ROUTES = (
    Route(
        "DELETE",
        "/api/trash",
        emptied,
        "Empties the trash: its takes are removed for good, and their numbers are not used again.",
        {200: Answer("The numbers of the takes.", table({"deleted": {"type": "array", "items": WHOLE}}))},
    ),
    Route(
        "DELETE",
        "/api/trash/{id}",
        deleted,
        "Removes a take that is in the trash for good; 409 for one that is not there.",
        {200: Answer("The take that was.", ref("Take"))},
    ),
    Route(
        "PUT",
        "/api/playing/{player}",
        played,
        "Says which take a player plays, or that it plays none. Its audio is then kept whatever the quota says; it "
        f"lapses after {LAPSE_SECONDS:g} seconds, so a player says it again while it plays.",
        {200: Answer("What was noted.", table({"player": TEXT, "take": or_none(WHOLE)}))},
        body=Body(table({"take": _KEY})),
    ),
)
