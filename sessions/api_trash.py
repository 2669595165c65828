"""The trash over HTTP, where removing is for good."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sessions.api_errors import reply
from sessions.api_route import Answer, Route, studio_of
from sessions.schemas import WHOLE, ref, table


async def emptied(request: web.Request) -> web.Response:
    """Removes everything in the trash."""
    numbers = await asyncio.to_thread(studio_of(request).store.empty_trash)
    return reply({"deleted": numbers})


async def deleted(request: web.Request) -> web.Response:
    """Removes one take that is in the trash."""
    take = await asyncio.to_thread(studio_of(request).store.delete, request.match_info["id"])
    return reply(take.object())


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
)
