"""Whether the recipe fits into the memory of this machine, over HTTP: asked while a person edits."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aiohttp import web

from engine.errors import EngineError
from engine.tasks import rendered_seconds
from sessions.api_errors import read_json, recipe_changes, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.own_sources import check_recipe
from sessions.schemas import FLAG, NUMBER, TEXT, WHOLE, ref, table
from sessions.settings import Recipe
from sessions.source_paths import SourcePaths
from sessions.studio import Studio


async def fit(request: web.Request) -> web.Response:
    """What the recipe needs, with other values if given. It is told for the models that are set, loaded or not."""
    body = await read_json(request)
    refuse_unknown(body, ("recipe",))
    return await _told(studio_of(request), recipe_changes(body, "{'duration': 120}"))


async def fit_now(request: web.Request) -> web.Response:
    """What the recipe needs as it is."""
    return await _told(studio_of(request), {})


async def _told(studio: Studio, changes: dict[str, Any]) -> web.Response:
    settings = studio.revisions.current.settings
    recipe = settings.recipe.replace(**changes)
    wanted = await asyncio.to_thread(_with_length, studio, recipe)
    found = await studio.machine.fit(settings.models.load_options(studio.session), wanted)
    return reply(found.object())


def _with_length(studio: Studio, recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe, its duration that of its codes or of its source, where either says how long it is.

    Raises InvalidRequest where the result would be longer than any.
    """
    request = recipe.draw(random.Random())
    try:
        check_recipe(recipe, studio.revisions.current.settings.recipe, studio.sources, studio.store)
        source = SourcePaths(studio.session, studio.store.get).seconds(recipe.template)
    except EngineError:  # it may be here by the time it is rendered
        source = None
    made = source if request.flow_edit_morph and source else rendered_seconds(request, source)
    return {**recipe.template, "duration": made}


_FIT = table(
    {
        "fits": FLAG,
        **dict.fromkeys(("takes", "most_takes"), WHOLE),
        **dict.fromkeys(("need_gb", "free_gb", "total_gb", "models_gb"), NUMBER),
        **dict.fromkeys(("stage", "residence", "sentence"), TEXT),
    }
)

ROUTES = (
    Route("GET", "/api/fit", fit_now, "The same for the recipe as it is.", {200: Answer("It.", _FIT)}),
    Route(
        "POST",
        "/api/fit",
        fit,
        "Whether the recipe, with other values if given, fits into this machine's memory: what it needs at its worst "
        "moment, what is free, and the largest batch that fits.",
        {200: Answer("It.", _FIT)},
        body=Body(table({"recipe": ref("Recipe")})),
    ),
)
