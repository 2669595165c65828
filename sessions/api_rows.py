"""Takes for a list of many over HTTP: the order of all of them as numbers alone, and rows of those that are in sight.

A terminal asks for the order at every filter and sort, which the index answers for 50,000 takes without reading one,
and then for the rows that it shows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

from aiohttp import web

from sessions.api_errors import ApiError, reply
from sessions.api_route import SAID, Answer, Param, Route, said, studio_of, whole_number
from sessions.briefs import brief
from sessions.lists import NEWEST_FIRST
from sessions.operations import SIBLING
from sessions.schemas import WHOLE, many, or_none, ref, table
from sessions.store import Store
from sessions.take import Take

MOST = 1000
"""Rows in an answer."""

_NUMBERS = re.compile(r"[0-9]{1,15}(?:,[0-9]{1,15})*")


async def order(request: web.Request) -> web.Response:
    """The numbers of all takes that pass, in their order, and if asked for where one revision ends in it."""
    query, store = request.query, studio_of(request).store
    filter, sort = query.get("filter", ""), query.get("sort") or NEWEST_FIRST
    text = await asyncio.to_thread(_order, store, filter, sort, said(request, "revisions"))
    return web.Response(text=text, content_type="application/json")


def _order(store: Store, filter: str, sort: str, with_revisions: bool) -> str:
    numbers = store.order(filter, sort)
    more = _revisions(store, numbers) if with_revisions else {}
    return json.dumps({"numbers": numbers, "total": len(numbers), **more}, separators=(",", ":")) + "\n"


def _revisions(store: Store, numbers: list[int]) -> dict[str, Any]:
    """How many takes of one revision follow each other, and the first take of each revision.

    Siblings belong to their parents', whenever they were made: they begin nothing.
    """
    made = store.revisions()
    revision_of = {number: revision for number, revision, _ in made}
    runs = [[revision, len(list(group))] for revision, group in itertools.groupby(map(revision_of.get, numbers))]
    firsts: dict[int, int] = {}
    for number, revision, operation in made:
        if revision is not None and operation != SIBLING:
            firsts.setdefault(revision, number)
    return {"runs": runs, "firsts": [[revision, number] for revision, number in sorted(firsts.items())]}


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
_PAIRS = many(many(or_none(WHOLE)))
_ORDER = table(
    {"numbers": many(WHOLE), "total": WHOLE, "runs": _PAIRS, "firsts": _PAIRS}, required=("numbers", "total")
)

ROUTES = (
    Route(
        "GET",
        "/api/order",
        order,
        "The numbers of all takes that pass a filter, in order, and nothing else of them: quick for 50,000.",
        {200: Answer("The numbers.", _ORDER)},
        query=(
            *_FILTER,
            Param(
                "revisions",
                "true: also 'runs', how many takes of which revision follow each other, and 'firsts', where each began",
                SAID,
            ),
        ),
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
