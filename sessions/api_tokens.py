"""Over HTTP, how much of what is typed the model reads."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from engine.errors import BadCheckpoint
from sessions.api_errors import ApiError, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.schemas import TEXT, WHOLE, or_none, table
from sessions.token_counter import LIMITS, NoTokens, count, prompts, tokenizer_of


async def tokens(request: web.Request) -> web.Response:
    """Counts the prompts of the applied recipe, with other words where some are sent."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, tuple(LIMITS))
    if not all(isinstance(text, str) for text in body.values()):
        raise ApiError(400, "caption and lyrics are texts.", "Send what is typed.", field="caption")
    settings, loaded = studio.revisions.current.settings, studio.engine.loaded
    told = prompts(settings.recipe, body, loaded.profile.get("duration") if loaded else None)
    try:
        tokenizer = await asyncio.to_thread(tokenizer_of, settings.models.load_options(studio.session))
        counts = await count(studio.tokens, tokenizer, told)
    except (BadCheckpoint, NoTokens) as reason:
        return reply({**dict.fromkeys(LIMITS), "tokenizer": None, "reason": reason.error})
    counted: dict[str, Any] = {
        name: {"tokens": each, "limit": LIMITS[name]} for name, each in zip(LIMITS, counts, strict=True)
    }
    return reply({**counted, "tokenizer": tokenizer.parent.name, "reason": ""})


_COUNT = or_none(table({"tokens": WHOLE, "limit": WHOLE}))
_COUNTS = table({**dict.fromkeys(LIMITS, _COUNT), "tokenizer": or_none(TEXT), "reason": TEXT})

ROUTES = (
    Route(
        "POST",
        "/api/tokens",
        tokens,
        "How many tokens the model's own tokenizer makes of the prompts of caption and lyrics, and how many it reads. "
        "Null where there is no tokenizer.",
        {
            200: Answer(
                "The counts.", table({**dict.fromkeys(LIMITS, _COUNT), "tokenizer": or_none(TEXT), "reason": TEXT})
            )
        },
        body=Body(table(dict.fromkeys(LIMITS, TEXT))),
    ),
)
