"""What people think of takes over HTTP: of one, or of many at once, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from engine.errors import EngineError, InvalidRequest
from sessions.api_errors import ApiError, flag, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.api_rows import rows_of
from sessions.schemas import FLAG, TABLE, TEXT, WHOLE, many, or_none, ref, table
from sessions.store import Store
from sessions.take import Take

MARKS = ("verdict", "pinned", "liked", "rejected", "heard", "rating", "note", "tags", "name", "trashed")
"""What may be said of a take over HTTP; the rest of it has happened."""

VERDICTS = ("pinned", "liked", "rejected", "heard", "unheard")

MOST = 1000
"""Takes that are changed at once."""


async def marked(request: web.Request) -> web.Response:
    """Changes what is thought of a take; ``trashed`` moves it to the trash or back."""
    body = await read_json(request)
    _check(body)
    take = await asyncio.to_thread(_mark, studio_of(request).store, request.match_info["id"], body)
    return reply(take.object())


async def many_marked(request: web.Request) -> web.Response:
    """Changes many takes, one after the other: what one of them refuses does not keep the others from it."""
    wishes = _wishes(await read_json(request))
    return reply(await asyncio.to_thread(_mark_all, studio_of(request).store, wishes))


def _wishes(body: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Which take is to be changed how. Raises ApiError."""
    if ("numbers" in body) == ("changes" in body):
        hint = "Send {'numbers': [1, 2], 'pinned': true}, or {'changes': [{'number': 1, 'pinned': true}]}."
        raise ApiError(400, "Either numbers or changes say what is changed.", hint, field="numbers")
    if "numbers" in body:
        numbers = body.pop("numbers")
        changes = [{"number": number, **body} for number in numbers] if isinstance(numbers, list) else None
    else:
        changes = body.pop("changes")
        refuse_unknown(body, ("changes",))
    if not isinstance(changes, list) or not all(isinstance(each, dict) for each in changes) or len(changes) > MOST:
        raise ApiError(400, f"A list of at most {MOST} takes is changed.", "Send less at once.", field="changes")
    wishes = []
    for change in changes:
        number, marks = change.get("number"), {name: value for name, value in change.items() if name != "number"}
        if type(number) is not int or not 0 < number < 2**53:
            raise ApiError(400, "number is the number of a take.", "Send a whole number from 1.", field="number")
        _check(marks)
        wishes.append((number, marks))
    return wishes


def _check(marks: Mapping[str, Any]) -> None:
    """Raises ApiError for marks that no take can have; the values of the others the store looks at."""
    refuse_unknown(marks, MARKS)
    if marks.get("verdict", "heard") not in VERDICTS:
        raise ApiError(400, "That is no verdict.", f"There are {', '.join(VERDICTS)}.", field="verdict")
    flag(marks, "trashed")


def _mark(store: Store, key: int | str, marks: Mapping[str, Any]) -> Take:
    take = store.change(key, **{name: value for name, value in marks.items() if name != "trashed"})
    if "trashed" in marks:
        take = (store.trash if marks["trashed"] else store.restore)(key)
    return take


def _mark_all(store: Store, wishes: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """The rows of what was changed, what they were before, and what could not be changed."""
    changed: list[Take] = []
    before: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for number, marks in wishes:
        try:
            was = store.get(number)
            changed.append(_mark(store, number, marks))
        except EngineError as error:
            if isinstance(error, InvalidRequest) and not changed:
                raise  # it is the marks that are wrong, and not this take
            failed.append({"number": number, **error.to_dict()})
        else:
            before.append(_way_back(was, changed[-1]))
    return {"rows": rows_of(store, changed), "before": before, "failed": failed}


def _way_back(was: Take, now: Take) -> dict[str, Any]:
    """The change that makes ``now`` what it was."""
    old, new = was.object(), now.object()
    return {"number": was.number, **{name: old[name] for name in MARKS if name != "verdict" and old[name] != new[name]}}


_BODY = {
    "verdict": {"enum": list(VERDICTS)},
    **dict.fromkeys(("pinned", "liked", "rejected", "heard", "trashed"), FLAG),
    "rating": or_none({"type": "integer", "minimum": 0, "maximum": 5}),
    "note": TEXT,
    "name": TEXT,
    "tags": many(TEXT),
}
_CHANGE = table({"number": WHOLE, **_BODY}, required=("number",))
_MANY = table({"numbers": many(WHOLE), "changes": many(_CHANGE), **_BODY})
_FAILED = table({"number": WHOLE, "error": TEXT, "hint": TEXT, "field": or_none(TEXT)})
_CHANGED = table({"rows": many(ref("Row")), "before": many(TABLE), "failed": many(_FAILED)})

ROUTES = (
    Route(
        "PATCH",
        "/api/takes/{id}",
        marked,
        "What is thought of a take.",
        {200: Answer("The take.", ref("Take"))},
        body=Body(table(_BODY)),
    ),
    Route(
        "PATCH",
        "/api/takes",
        many_marked,
        f"What is thought of up to {MOST} takes: the same of all that 'numbers' name, or of each what 'changes' say. "
        "'before' of the answer, sent as 'changes', takes it back.",
        {200: Answer("What was changed and what was not.", _CHANGED)},
        body=Body(_MANY),
    ),
)
