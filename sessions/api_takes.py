"""Takes over HTTP: lists, one, and what is made from it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from engine.values import LARGEST_BATCH
from sessions import operations
from sessions.api_audio import MOST_COLUMNS, audio, peaks, take_of
from sessions.api_errors import ApiError, flag, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Param, Route, studio_of, whole_number
from sessions.lists import NEWEST_FIRST
from sessions.remaking import bring_back
from sessions.schemas import FLAG, NUMBER, TABLE, TEXT, WHOLE, many, or_none, ref, table
from sessions.standing import why
from sessions.take import WHOLE as ALL_THERE
from sessions.take import Take
from sessions.verify import verify

MOST = 1000
"""Takes on a page."""


async def listed(request: web.Request) -> web.Response:
    """A page of takes."""
    query = request.query
    limit = whole_number(request, "limit", 200, MOST)
    offset = whole_number(request, "offset", 0, 10**9)
    store = studio_of(request).store
    sort = query.get("sort") or NEWEST_FIRST
    page = await asyncio.to_thread(store.query, query.get("filter", ""), sort, limit, offset)
    return reply({"takes": [take.object() for take in page.takes], "total": page.total, "offset": offset})


async def shown(request: web.Request) -> web.Response:
    """One take."""
    return reply((await take_of(request)).object())


async def explained(request: web.Request) -> web.Response:
    """Why a take scores as it does, by today's weights, and where it stands among comparable ones."""
    studio, take = studio_of(request), await take_of(request)
    return reply(await asyncio.to_thread(why, studio.store, take, studio.revisions.current.settings.scores))


async def trashed(request: web.Request) -> web.Response:
    """Moves a take to the trash."""
    return reply((await asyncio.to_thread(studio_of(request).store.trash, request.match_info["id"])).object())


async def sibling(request: web.Request) -> web.Response:
    """Renders takes near one."""
    studio, parent, body = studio_of(request), await take_of(request), await read_json(request)
    refuse_unknown(body, ("takes", "variance", "wait"))
    variance = body.get("variance", studio.revisions.current.settings.loop.retake_variance)
    takes = count_of(body)
    if not isinstance(variance, int | float) or isinstance(variance, bool) or not 0 < variance <= 1:
        raise ApiError(400, "variance is a number above 0 and up to 1.", "Send such a number.", field="variance")
    wait = flag(body, "wait")
    wanted = operations.sibling(parent, variance, takes)
    work = studio.make(wanted, parent=parent, operation=operations.SIBLING, revision=parent.revision)
    return await answered(work, wait)


async def finish(request: web.Request) -> web.Response:
    """Renders a take as well as its model can; of one whose audio is gone, it makes the audio again."""
    studio, parent, body = studio_of(request), await take_of(request), await read_json(request)
    refuse_unknown(body, ("wait",))
    wait = flag(body, "wait")
    if parent.stored != ALL_THERE:
        return await answered(studio.begin(bring_back(parent, studio.engine, studio.store)), wait)
    wanted = operations.finished(parent)
    work = studio.make(wanted, parent=parent, operation=operations.FINISH, revision=parent.revision)
    return await answered(work, wait)


async def verified(request: web.Request) -> web.Response:
    """Renders a take again and says whether it is the same."""
    studio, take = studio_of(request), await take_of(request)
    refuse_unknown(await read_json(request), ())
    outcome = await asyncio.shield(studio.begin(verify(take, studio.engine)))
    return reply(outcome.object())


def count_of(body: Mapping[str, Any]) -> int:
    """How many takes the caller wants. Raises ApiError."""
    takes = body.get("takes", 1)
    if type(takes) is not int or not 1 <= takes <= LARGEST_BATCH:
        raise ApiError(400, f"takes is a whole number from 1 to {LARGEST_BATCH}.", "Send such a number.", field="takes")
    return takes


async def answered(work: asyncio.Task[list[Take]], wait: bool) -> web.Response:
    """The takes for one who waits; for others, that they will come as events."""
    if not wait:
        return reply({"accepted": True}, 202)
    return reply({"takes": [take.object() for take in await asyncio.shield(work)]})


_TAKE = {200: Answer("The take.", ref("Take"))}
MADE = {
    200: Answer("The takes, where the caller waits.", table({"takes": many(ref("Take"))})),
    202: Answer("It will be made before the loop goes on; events tell of it.", table({"accepted": FLAG})),
}
_PAGE = table({"takes": many(ref("Take")), "total": WHOLE, "offset": WHOLE})
_RANGE = (Param("Range", "bytes=FIRST-LAST"), Param("If-Range", "an ETag"), Param("If-None-Match", "an ETag"))
_AUDIO = {
    200: Answer("All of the file.", TEXT, "audio/*"),
    206: Answer("The part.", TEXT, "audio/*"),
    304: Answer("It is as it was."),
}
_VALUES = {name: or_none(NUMBER) for name in ("value", "raw")}
_POOL = table({"middle": NUMBER, "spread": NUMBER, "takes": WHOLE})
_WHY = table(
    {
        "kind": {"enum": ["vocal", "instrumental"]},
        "score": or_none(NUMBER),
        "present": NUMBER,
        "parts": many(table({"name": TEXT, "weight": NUMBER, **_VALUES, "pool": or_none(_POOL)})),
        "faults": many(TEXT),
        "measured": TABLE,
        "standing": or_none(table({"pool": WHOLE, "place": WHOLE, "ties": WHOLE, "above": TABLE})),
    }
)
_OUTLINE = table({"seconds": NUMBER, "low": many(NUMBER), "high": many(NUMBER)})
_SIBLING = {
    "takes": {"type": "integer", "minimum": 1, "maximum": LARGEST_BATCH},
    "variance": {"type": "number", "minimum": 0, "maximum": 1},
    "wait": FLAG,
}

ROUTES = (
    Route(
        "GET",
        "/api/takes",
        listed,
        "A page of takes. What is in the trash is left out unless the filter asks for it.",
        {200: Answer("The page.", _PAGE)},
        query=(
            Param("filter", "an expression such as 'score>=0.8 and pinned'"),
            Param("sort", "fields such as '-score,number'; a minus goes from large to small"),
            Param("limit", "how many", {"type": "integer", "minimum": 0, "maximum": MOST}),
            Param("offset", "after how many", {"type": "integer", "minimum": 0, "maximum": 10**9}),
        ),
    ),
    Route("GET", "/api/takes/{id}", shown, "One take.", _TAKE),
    Route(
        "GET",
        "/api/takes/{id}/why",
        explained,
        "Why a take scores as it does, and where it stands among takes that were asked for the same.",
        {200: Answer("The parts of its score with their weights, and its place.", _WHY)},
    ),
    Route("DELETE", "/api/takes/{id}", trashed, "Moves a take to the trash, from where it can come back.", _TAKE),
    Route("GET", "/api/takes/{id}/audio", audio, "The audio, whole or a part.", _AUDIO, headers=_RANGE),
    Route(
        "HEAD", "/api/takes/{id}/audio", audio, "What the audio is.", {200: Answer("Headers alone.")}, headers=_RANGE
    ),
    Route(
        "GET",
        "/api/takes/{id}/peaks",
        peaks,
        "The outline.",
        {200: Answer("Columns.", _OUTLINE)},
        query=(Param("columns", "at most so many", {"type": "integer", "minimum": 1, "maximum": MOST_COLUMNS}),),
    ),
    Route("POST", "/api/takes/{id}/sibling", sibling, "Takes near one.", MADE, body=Body(table(_SIBLING))),
    Route(
        "POST", "/api/takes/{id}/finish", finish, "As well as its model can.", MADE, body=Body(table({"wait": FLAG}))
    ),
    Route(
        "POST",
        "/api/takes/{id}/verify",
        verified,
        "Renders a take again and compares; answers when that is done.",
        {200: Answer("What came of it.", ref("Verification"))},
        body=Body(table({})),
    ),
)
