"""Takes for a list of many over HTTP: the order of all of them as numbers alone, and rows of those that are in sight.

A terminal asks for the order at every filter and sort, which the index answers for 50,000 takes without reading one,
and then for the rows that it shows.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from sessions.api_errors import ApiError, reply
from sessions.api_route import Answer, Param, Route, studio_of, whole_number
from sessions.briefs import brief
from sessions.lists import NEWEST_FIRST
from sessions.schemas import WHOLE, many, ref, table
from sessions.store import Store
from sessions.take import Take

MOST = 1000
"""Rows in an answer."""

_NUMBERS = re.compile(r"[0-9]{1,15}(?:,[0-9]{1,15})*")


async def order(request: web.Request) -> web.Response:
    """The numbers of all takes that pass, in their order."""
    query, store = request.query, studio_of(request).store
    text = await asyncio.to_thread(_order, store, query.get("filter", ""), query.get("sort") or NEWEST_FIRST)
    return web.Response(text=text, content_type="application/json")


def _order(store: Store, filter: str, sort: str) -> str:
    numbers = store.order(filter, sort)
    return json.dumps({"numbers": numbers, "total": len(numbers)}, separators=(",", ":")) + "\n"


async def rows(request: web.Request) -> web.Response:
    """Rows of the takes that are named, or of a page as ``GET /api/takes`` has it."""
    query, store = request.query, studio_of(request).store
    if (given := query.get("numbers")) is not None:
        return reply({"rows": await asyncio.to_thread(_named, store, _numbers(given))})
    limit, offset = whole_number(request, "limit", 200, MOST), whole_number(request, "offset", 0, 10**9)
    sort = query.get("sort") or NEWEST_FIRST
    return reply({"rows": await asyncio.to_thread(_page, store, query.get("filter", ""), sort, limit, offset)})


def _numbers(given: str) -> list[int]:
    """What ``numbers=3,1,2`` means, each once. Raises ApiError."""
    if not given:
        return []
    if not _NUMBERS.fullmatch(given):
        raise ApiError(400, "numbers are whole numbers with commas between them.", "Write 3,1,2.", field="numbers")
    numbers = list(dict.fromkeys(map(int, given.split(","))))
    if len(numbers) > MOST:
        raise ApiError(400, f"Rows are given for {MOST} takes at most.", "Ask in parts.", field="numbers")
    return numbers


def _named(store: Store, numbers: list[int]) -> list[dict[str, Any]]:
    return rows_of(store, store.several(numbers))


def _page(store: Store, filter: str, sort: str, limit: int, offset: int) -> list[dict[str, Any]]:
    return rows_of(store, list(store.query(filter, sort, limit, offset).takes))


def rows_of(store: Store, takes: list[Take]) -> list[dict[str, Any]]:
    """The rows of takes. Reads the store, so not for the event loop's own thread."""
    parents = store.numbers_of({take.parent for take in takes if take.parent is not None})
    return [brief(take.object(), parents.get(take.parent or "")) for take in takes]


_FILTER = (
    Param("filter", "an expression such as 'score>=0.8 and pinned'"),
    Param("sort", "fields such as '-score,number'; a minus goes from large to small"),
)
_ORDER = table({"numbers": many(WHOLE), "total": WHOLE}, required=("numbers", "total"))

ROUTES = (
    Route(
        "GET",
        "/api/order",
        order,
        "The numbers of all takes that pass a filter, in order, and nothing else of them: quick for 50,000.",
        {200: Answer("The numbers.", _ORDER)},
        query=_FILTER,
    ),
    Route(
        "GET",
        "/api/rows",
        rows,
        "Takes as rows of a list, without their requests: those that are named, in that order and wherever they are, "
        "or a page. What is not there is left out.",
        {200: Answer("The rows.", table({"rows": many(ref("Row"))}, required=("rows",)))},
        query=(
            Param("numbers", f"numbers of at most {MOST} takes, with commas between them"),
            *_FILTER,
            Param("limit", "how many", {"type": "integer", "minimum": 0, "maximum": MOST}),
            Param("offset", "after how many", {"type": "integer", "minimum": 0, "maximum": 10**9}),
        ),
    ),
)
