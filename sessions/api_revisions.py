"""The revisions of the recipe over HTTP: which there are, and each with its text."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from sessions.api_errors import ApiError, reply
from sessions.api_route import Answer, Param, Route, studio_of, whole_number
from sessions.errors import BadSessionFile
from sessions.history import Past
from sessions.revisions import Revisions
from sessions.schemas import FLAG, TABLE, TEXT, WHOLE, many, table

MOST = 1000
"""Revisions in an answer."""


async def revisions(request: web.Request) -> web.Response:
    """A page of them, the newest first."""
    limit, offset = whole_number(request, "limit", 200, MOST), whole_number(request, "offset", 0, 10**9)
    kept = studio_of(request).revisions
    total, found = await asyncio.to_thread(_page, kept, limit, offset)
    return reply({"revisions": [_past(each) for each in found], "total": total, "current": kept.current.number})


def _page(kept: Revisions, limit: int, offset: int) -> tuple[int, list[Past]]:
    numbers = kept.numbers()
    return len(numbers), kept.history.page(numbers, limit, offset)


async def revision(request: web.Request) -> web.Response:
    """One of them, with its text and settings."""
    asked = request.match_info["number"]
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= 9 else 0
    return reply(await asyncio.to_thread(_whole, studio_of(request).revisions, number))


def _whole(kept: Revisions, number: int) -> dict[str, Any]:
    numbers = kept.numbers()
    if number not in numbers:
        raise ApiError(404, "There is no such revision.", f"The current one is {kept.current.number}.", field="number")
    try:
        found = kept.get(number)
    except BadSessionFile as broken:
        raise ApiError(409, f"Revision {number} cannot be read any more.", broken.error) from None
    before = max((each for each in numbers if each < number), default=None)
    past = kept.history.past(number, before)
    return {**_past(past), "before": before, "text": found.text, "settings": found.settings.to_dict()}


def _past(past: Past) -> dict[str, Any]:
    return {"number": past.number, "when": past.when, "changed": past.changed, "readable": past.readable}


_PAST = {"number": WHOLE, "when": TEXT, "changed": TEXT, "readable": FLAG}
_WHOLE = {**_PAST, "before": {"type": ["integer", "null"]}, "text": TEXT, "settings": TABLE}

ROUTES = (
    Route(
        "GET",
        "/api/revisions",
        revisions,
        "The revisions of the recipe, the newest first: when each was applied, and what it changed.",
        {200: Answer("A page of them.", table({"revisions": many(table(_PAST)), "total": WHOLE, "current": WHOLE}))},
        query=(
            Param("limit", "how many", {"type": "integer", "minimum": 0, "maximum": MOST}),
            Param("offset", "after how many", {"type": "integer", "minimum": 0, "maximum": 10**9}),
        ),
    ),
    Route(
        "GET",
        "/api/revisions/{number}",
        revision,
        "One revision: its text and settings, and what it changed against the one before.",
        {200: Answer("It.", table(_WHOLE))},
    ),
)
