"""Comparisons over HTTP: which take somebody has chosen among several."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from aiohttp import web

from sessions.api_errors import ApiError, flag, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.comparisons import Comparison, record, recorded
from sessions.schemas import FLAG, TEXT, WHOLE, many, table

MOST = 9
"""Takes besides the chosen one: there are no more digits to hear them by."""


async def compared(request: web.Request) -> web.Response:
    """Keeps a choice."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("chosen", "others", "blind", "matched"))
    chosen, others = body.get("chosen"), body.get("others")
    numbers = [chosen, *others] if isinstance(others, list) and 0 < len(others) <= MOST else []
    if not numbers or not all(type(each) is int and 0 < each < 2**53 for each in numbers):
        hint = "Send {'chosen': 41, 'others': [38, 45]}."
        raise ApiError(400, f"A take is chosen among up to {MOST} others, by number.", hint, field="others")
    if len(set(numbers)) != len(numbers):
        raise ApiError(400, "A take is compared with others.", "Send each of them once.", field="others")
    blind, matched = flag(body, "blind"), flag(body, "matched")

    def keep() -> Comparison:
        first, *rest = (studio.store.get(number).id for number in numbers)
        return record(studio.session, Comparison(first, rest, blind=blind, matched=matched))

    return reply(asdict(await asyncio.to_thread(keep)), 201)


async def listed(request: web.Request) -> web.Response:
    """Every choice."""
    found = await asyncio.to_thread(recorded, studio_of(request).session)
    return reply({"comparisons": [asdict(each) for each in found]})


_BODY = table({"chosen": WHOLE, "others": many(WHOLE), "blind": FLAG, "matched": FLAG}, required=("chosen", "others"))
_KEPT = table({"chosen": TEXT, "others": many(TEXT), "blind": FLAG, "matched": FLAG, "when": TEXT})

ROUTES = (
    Route(
        "GET",
        "/api/comparisons",
        listed,
        "Which takes were chosen among which others, the oldest choice first; takes by their ids.",
        {200: Answer("All of them.", table({"comparisons": many(_KEPT)}))},
    ),
    Route(
        "POST",
        "/api/comparisons",
        compared,
        "Keeps that a take was chosen among others (numbers), whether that was 'blind', and whether they were played "
        "equally loud ('matched').",
        {201: Answer("What is kept.", _KEPT)},
        body=Body(_BODY),
    ),
)
