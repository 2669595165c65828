"""The spectrogram of a take over HTTP."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sessions.api_audio import decoded, take_of
from sessions.api_errors import ApiError, reply
from sessions.api_route import Answer, Param, Route, studio_of, whole_number
from sessions.schemas import NUMBER, WHOLE, many, table

MOST_COLUMNS, MOST_ROWS = 1000, 200
COLUMNS, ROWS = 120, 40


async def spectrogram(request: web.Request) -> web.Response:
    """What sounds when and how high, in so many columns and rows."""
    take, studio = await take_of(request), studio_of(request)
    columns = whole_number(request, "columns", COLUMNS, MOST_COLUMNS, least=1)
    rows = whole_number(request, "rows", ROWS, MOST_ROWS, least=1)
    path = studio.store.path(take)
    if not await asyncio.to_thread(path.is_file):
        hint = "'finish' makes it again."
        raise ApiError(404, f"The audio of take {take.number} is not there ({take.stored}).", hint)
    return reply(await decoded(studio.spectra, take, path, columns=columns, rows=rows))


def _up_to(most: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 1, "maximum": most}


_PICTURE = table({**dict.fromkeys(("seconds", "low_hz", "high_hz"), NUMBER), "rows": many(many(WHOLE))})

ROUTES = (
    Route(
        "GET",
        "/api/takes/{id}/spectrogram",
        spectrogram,
        "What sounds when and how high: rows of levels from 0 to 15, the lowest tones first.",
        {200: Answer("The picture.", _PICTURE)},
        query=(
            Param("columns", "at most so many", _up_to(MOST_COLUMNS)),
            Param("rows", "so many", _up_to(MOST_ROWS)),
        ),
    ),
)
