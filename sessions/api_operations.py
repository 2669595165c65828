"""Takes made from a take over HTTP: a part anew, another style, longer, joined, its stems."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from engine.fields import shown
from engine.request import FIELDS, Request
from engine.values import LARGEST_BATCH, TRAINED_SECONDS
from sessions import derived
from sessions.api_audio import take_of
from sessions.api_errors import ApiError, flag, read_json, refuse_unknown
from sessions.api_route import Body, Route, studio_of
from sessions.api_takes import MADE, answered, count_of
from sessions.own_sources import PATHS, check_name, named_in
from sessions.schemas import FLAG, TEXT, WHOLE, Schema, many, of_field, table
from sessions.studio import Studio
from sessions.take import Take

_MOST_JOINED = 20

_HELP: Mapping[str, str] = {
    "repaint": "Makes a part of a take anew; what is outside stays as it is, to the sample.",
    "cover": "Makes a take in another style.",
    "extend": "Makes a take longer, behind or in front.",
    "stitch": "Puts another take behind one, and makes what joins them.",
    "join": "Follows the audio codes of several takes, one behind the other.",
    "extract": "Takes one track out of a take.",
    "lego": "Makes one track to go with a take.",
    "complete": "Makes the tracks that a take lacks.",
    "crop": "Cuts a take, or fades it; nothing is made, and its latents go with it.",
}

_SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": TRAINED_SECONDS[1]}
_OWN: Mapping[str, Mapping[str, Schema]] = {
    "extend": {"seconds": _SECONDS, "side": {"enum": ["after", "before"]}, "overlap": _SECONDS},
    "stitch": {"with": {"anyOf": [WHOLE, TEXT]}, "gap": _SECONDS, "overlap": _SECONDS},
    "join": {"with": many({"anyOf": [WHOLE, TEXT]})},
}
"""What operations have beside the fields of a recipe."""


def _answering(name: str) -> Callable[[web.Request], Any]:
    """What answers ``POST /api/takes/{id}/name``."""

    async def operate(request: web.Request) -> web.Response:
        studio, parent, body = studio_of(request), await take_of(request), await read_json(request)
        own = _OWN.get(name, {})
        refuse_unknown(body, (*derived.FIELDS_OF[name], *own, *_beside(name)))
        wait, takes = flag(body, "wait"), count_of(body)
        given = {field: body[field] for field in derived.FIELDS_OF[name] if body.get(field) is not None}
        await asyncio.to_thread(_check_sources, studio, given)
        wanted = await asyncio.to_thread(_wanted, studio, name, parent, given, takes, body)
        work = studio.make(wanted, parent=parent, operation=name, revision=parent.revision)
        return await answered(work, wait)

    operate.__doc__ = _HELP[name]
    return operate


def _wanted(
    studio: Studio, name: str, parent: Take, given: Mapping[str, Any], takes: int, body: Mapping[str, Any]
) -> Request:
    """The request of an operation. Raises InvalidRequest, ApiError and NoTake."""
    loaded = studio.engine.loaded
    model = loaded.profile if loaded else {}
    match name:
        case "repaint":
            return derived.repaint(parent, given, takes, model)
        case "cover":
            return derived.cover(parent, given, takes, model)
        case "extend":
            options = _seconds(body, "seconds", "overlap")
            if options.get("seconds") == 0:
                raise ApiError(400, "0 seconds more are none.", "Say by how much it is to be longer.", field="seconds")
            side = body.get("side", "after")
            if side not in ("after", "before"):
                sentence = f"side cannot be {shown(side)}: it must be after or before."
                raise ApiError(400, sentence, "Leave it out for more after the take.", field="side")
            return derived.extend(parent, given, takes, model, side=side, **options)
        case "stitch":
            following = _other(studio, body.get("with"))
            return derived.stitch(parent, following, given, takes, model, **_seconds(body, "gap", "overlap"))
        case "join":
            others = body.get("with", [])
            if not isinstance(others, list) or not 1 <= len(others) <= _MOST_JOINED:
                sentence = f"with is a list of 1 to {_MOST_JOINED} takes."
                raise ApiError(400, sentence, "Name those that follow, in their order.", field="with")
            return derived.join([parent, *(_other(studio, key) for key in others)], given, takes, model)
        case "crop":
            return derived.crop(parent, given, model)
        case _:
            return derived.stem(parent, name, given, takes, model)


def _other(studio: Studio, key: object) -> Take:
    if not isinstance(key, str | int) or isinstance(key, bool) or key == "":
        raise ApiError(400, "with names another take, by its number or its id.", "Send such a name.", field="with")
    return studio.store.get(key)


def _seconds(body: Mapping[str, Any], *names: str) -> dict[str, float]:
    """Those of some numbers that are given. Raises ApiError for what is no length."""
    given = {name: body[name] for name in names if body.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= TRAINED_SECONDS[1]:
            sentence = f"{name} cannot be {shown(value)}: it must be a number from 0 to {TRAINED_SECONDS[1]:g} seconds."
            hint = f"No take is longer than {TRAINED_SECONDS[1] / 60:g} minutes; left out, {name} is chosen for you."
            raise ApiError(400, sentence, hint, field=name)
    return given


def _check_sources(studio: Studio, given: Mapping[str, Any]) -> None:
    """Raises ForeignPath for a file of the caller's choosing."""
    for field in PATHS:
        for name in named_in(given.get(field)):
            check_name(field, name, studio.sources, studio.store)


def _body(name: str) -> Schema:
    """What can be sent to an operation."""
    fields = {field: of_field(FIELDS[field]) for field in derived.FIELDS_OF[name]}
    return table({**_OWN.get(name, {}), **fields, **_beside(name)})


def _beside(name: str) -> dict[str, Schema]:
    """What every operation has; a crop is the same however often it is made."""
    takes: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_BATCH}
    return {"wait": FLAG} if name == "crop" else {"takes": takes, "wait": FLAG}


ROUTES = tuple(
    Route("POST", f"/api/takes/{{id}}/{name}", _answering(name), _HELP[name], MADE, body=Body(_body(name)))
    for name in derived.OPERATIONS
)
