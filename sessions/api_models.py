"""The models of the machine over HTTP: which there are, which it wants, fetching those, and rendering with them."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from engine.errors import InvalidRequest
from engine.hub.catalogue import find, with_needs
from engine.hub.getting import SPARE_BYTES
from sessions import model_shelf
from sessions.api_errors import ApiError, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.model_shelf import Shelf
from sessions.schemas import FLAG, TABLE, TEXT, WHOLE, many, or_none, ref, table
from sessions.studio import Studio

_MOST = 20
"""Models in one download."""


async def models(request: web.Request) -> web.Response:
    """What there is, and what is wanted."""
    return reply(await _told(studio_of(request)))


async def fetch(request: web.Request) -> web.Response:
    """Begins a download of the models that are named, for which whoever asks has seen their size."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("names",))
    names = body.get("names")
    if not isinstance(names, list) or not 0 < len(names) <= _MOST or not all(isinstance(name, str) for name in names):
        raise ApiError(400, "names is a list of models to fetch.", "GET /api/models says what lacks.", field="names")
    try:
        wanted = with_needs([find(name) for name in names])
    except InvalidRequest as error:
        raise ApiError(400, error.error, error.hint, field="names") from None
    shelf = await _look(studio)
    lacking = await asyncio.to_thread(shelf.lacking, wanted)
    _check_room(shelf, sum(each.bytes for each in lacking))
    studio.fetching.begin([each.model for each in lacking], shelf.own)
    return reply(await _told(studio), 202)


async def stop(request: web.Request) -> web.Response:
    """Stops the download; what has arrived is kept."""
    await studio_of(request).fetching.stop()
    return reply(await _told(studio_of(request)))


def _check_room(shelf: Shelf, needed: int) -> None:
    """Raises ApiError where the disk has no room for all of it; each model is looked at again before it is sent."""
    free = shelf.free
    if free is not None and needed + SPARE_BYTES > free:
        sentence = f"The models need {needed / 1e9:.1f} GB, and the disk of {shelf.own} has {free / 1e9:.1f} GB left."
        raise ApiError(409, sentence, "Make room, or name a folder on another disk in ACETUI_MODELS.")


async def _look(studio: Studio) -> Shelf:
    """The models as this studio sees them."""
    allowed = await studio.machine.allowed()
    options = studio.revisions.current.settings.models.load_options(studio.session)
    return await asyncio.to_thread(model_shelf.look, allowed, options["models"])


async def _told(studio: Studio) -> dict[str, Any]:
    shelf, loaded = await _look(studio), studio.engine.loaded
    models = studio.revisions.current.settings.models
    sketches = loaded is not None and bool(loaded.profile.get("sketch"))
    waits = studio.fetching.done or shelf.folder != shelf.own or sketches != shelf.sketch
    use = await asyncio.to_thread(model_shelf.changes, shelf, models) if waits else {}
    told = shelf.object()
    return {**told, "sketch": sketches or shelf.sketch, "use": use or None, "fetching": studio.fetching.now()}


_WANTED = table(
    {
        **dict.fromkeys(("name", "kind", "about"), TEXT),
        **dict.fromkeys(("bytes", "arrived"), WHOLE),
        "here": FLAG,
        "elsewhere": or_none(TEXT),
    }
)
_MODELS = table(
    {
        **dict.fromkeys(("own", "hub"), TEXT),
        "folder": or_none(TEXT),
        **dict.fromkeys(("sketch", "card"), FLAG),
        **dict.fromkeys(("music", "planners", "missing"), many(TEXT)),
        "trouble": or_none(ref("Error")),
        "wanted": many(_WANTED),
        "bytes": WHOLE,
        "free_bytes": or_none(WHOLE),
        "use": or_none(ref("Models")),
        "fetching": or_none(TABLE),
    }
)

ROUTES = (
    Route(
        "GET",
        "/api/models",
        models,
        "The models that are rendered with, those that this machine wants, what of them would be downloaded, and what "
        "to change in [models] to render with those that have come.",
        {200: Answer("They.", _MODELS)},
    ),
    Route(
        "POST",
        "/api/models",
        fetch,
        "Downloads models to this machine, beside the work of the loop; progress comes as events.",
        {202: Answer("It has begun.", _MODELS)},
        body=Body(table({"names": many(TEXT)}, required=("names",))),
    ),
    Route(
        "DELETE",
        "/api/models",
        stop,
        "Stops the download; what has arrived is kept.",
        {200: Answer("The models.", _MODELS)},
    ),
)
