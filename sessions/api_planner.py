"""The planner over HTTP: a plan for the recipe, a sentence to a song, polish, and what music says."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aiohttp import web

from engine.request import Request
from sessions.api_errors import ApiError, read_json, recipe_changes, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.own_sources import check_recipe
from sessions.schemas import NUMBER, TEXT, WHOLE, many, or_none, ref, table
from sessions.settings import Recipe
from sessions.studio import Studio

_MOST_QUERY = 100_000


async def plan(request: web.Request) -> web.Response:
    """What a render of the recipe, with other values if given, would begin with."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("recipe",))
    asked = await _asked(studio, body, studio.revisions.current.settings.recipe)
    return reply(await asyncio.shield(studio.write("plan", asked)))


async def sample(request: web.Request) -> web.Response:
    """A sentence to a whole song description. The recipe has no part in it; the body's own has."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("query", "recipe"))
    query = body.get("query", "")
    if not isinstance(query, str) or len(query) > _MOST_QUERY:
        raise ApiError(400, "query is a sentence.", "For example 'a soft Bengali love song'.", field="query")
    asked = await _asked(studio, body, Recipe.from_dict({}))
    return reply(await asyncio.shield(studio.write("sample", asked, query)))


async def polish(request: web.Request) -> web.Response:
    """The recipe's caption and lyrics, or those of the body, polished; metadata that is set stays."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("recipe",))
    asked = await _asked(studio, body, studio.revisions.current.settings.recipe)
    return reply(await asyncio.shield(studio.write("format", asked)))


async def understand(request: web.Request) -> web.Response:
    """A take, or a source that was uploaded, in words; the recipe's seed and temperature count."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("take", "source", "recipe"))
    path = await asyncio.to_thread(_music, studio, body)
    asked = await _asked(studio, body, Recipe.from_dict({}))
    return reply(await asyncio.shield(studio.write("understand", asked, source=path)))


def _music(studio: Studio, body: dict[str, Any]) -> str:
    """The file that is to be understood. Raises ApiError, NoTake and NoSource."""
    take, source = body.get("take"), body.get("source")
    if (take is None) == (source is None) or not isinstance(take, str | int | None) or isinstance(take, bool):
        raise ApiError(400, "Either a take or a source is understood.", "Send one of the two.", field="take")
    if take is not None:
        return str(studio.store.path(studio.store.get(str(take))))
    if not isinstance(source, str):
        raise ApiError(400, "source is the hash of an upload.", "POST /api/sources answers it.", field="source")
    return str(studio.sources.path(source))


async def _asked(studio: Studio, body: dict[str, Any], recipe: Recipe) -> Request:
    """The request that a recipe makes with the changes of the body; choices in texts are made here."""
    changed = recipe.replace(**recipe_changes(body))
    await asyncio.to_thread(check_recipe, changed, recipe, studio.sources, studio.store)
    return changed.draw(random.Random())


_PLAN = table(
    {
        "seed": WHOLE,
        **dict.fromkeys(("caption", "lyrics", "vocal_language"), TEXT),
        "bpm": or_none(WHOLE),
        **dict.fromkeys(("keyscale", "timesignature"), or_none(TEXT)),
        **dict.fromkeys(("duration", "likelihood"), or_none(NUMBER)),
        "instrumental": {"type": "boolean"},
        "codes": many(WHOLE),
    }
)
_ANSWER = {200: Answer("What was written, by the published names.", _PLAN)}
_CHANGES = {"recipe": ref("Recipe")}

ROUTES = (
    Route(
        "POST",
        "/api/plan",
        plan,
        "What the planner fills in for the recipe, with other values if given, and codes where it thinks.",
        _ANSWER,
        body=Body(table(_CHANGES)),
    ),
    Route(
        "POST",
        "/api/sample",
        sample,
        "A sentence to caption, lyrics and metadata; of the recipe given here, seed, language and voice count.",
        _ANSWER,
        body=Body(table({"query": TEXT, **_CHANGES})),
    ),
    Route(
        "POST",
        "/api/format",
        polish,
        "The recipe's caption and lyrics, or other ones, polished; metadata that is set stays as it is.",
        _ANSWER,
        body=Body(table(_CHANGES)),
    ),
    Route(
        "POST",
        "/api/understand",
        understand,
        "A take, or an uploaded source, as caption, lyrics and metadata.",
        _ANSWER,
        body=Body(table({"take": TEXT, "source": TEXT, **_CHANGES})),
    ),
)
