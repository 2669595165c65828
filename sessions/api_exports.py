"""Takes as files for other programs over HTTP: always in the session's own folder for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from engine.file_names import SUFFIXES
from sessions.api_audio import take_of
from sessions.api_errors import ApiError, flag, read_json, refuse_unknown, reply
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.export_names import TEMPLATE
from sessions.exports import FOLDER, HIGHEST, LOWEST, Exists, Planned, Wish, plan
from sessions.schemas import FLAG, NUMBER, TEXT, WHOLE, many, or_none, table
from sessions.side_process import NoAnswer, NoLibraries
from sessions.studio import Studio


async def exported(request: web.Request) -> web.Response:
    """Writes a take, its recipe and its lyrics into ``exports/``."""
    studio, body = studio_of(request), await read_json(request)
    wish, take = _wish(body), (await take_of(request)).object()
    try:
        (planned,) = await asyncio.to_thread(plan, studio.session, [take], studio.session / FOLDER, wish)
    except Exists as there:
        words = f"{FOLDER}/{there.error.rpartition('/')[2]}"
        raise ApiError(409, words, "Send overwrite to replace it.", field="overwrite") from None
    answer = await _written(studio, planned, wish)
    paths = [planned.audio, planned.recipe, *planned.lyrics]
    return reply({"number": take["number"], "files": [f"{FOLDER}/{path.name}" for path in paths], **answer})


async def _written(studio: Studio, planned: Planned, wish: Wish) -> dict[str, Any]:
    """What was reached. Raises ApiError."""
    await asyncio.to_thread(planned.audio.parent.mkdir, exist_ok=True)
    answer = await writing(studio, planned.question(wish))
    await asyncio.to_thread(planned.write_beside, wish)
    return answer


async def writing(studio: Studio, question: Mapping[str, Any]) -> dict[str, Any]:
    """Has audio written as ``engine.exporting`` understands it; what was reached. Raises ApiError."""
    try:
        answer = await studio.exporter.ask(question)
    except NoLibraries as missing:
        raise ApiError(501, "Audio cannot be written here.", missing.hint) from None
    except NoAnswer:
        raise ApiError(503, "Writing the audio failed.", "The studio's log may say why.") from None
    if "error" in answer:
        raise ApiError(409, answer["error"], answer["hint"])
    return answer


def _wish(body: dict[str, Any]) -> Wish:
    """What is asked for. Raises ApiError."""
    refuse_unknown(body, ("format", "loudness", "name", "lyrics", "overwrite"))
    format, loudness, name = body.get("format", "flac"), body.get("loudness"), body.get("name", TEMPLATE)
    if not isinstance(format, str) or format not in SUFFIXES:
        raise ApiError(400, "That is no format.", f"There are {', '.join(SUFFIXES)}.", field="format")
    if loudness is not None and not (type(loudness) in (int, float) and LOWEST <= loudness <= HIGHEST):
        hint = "Leave it out for the take's own."
        raise ApiError(400, f"loudness is a number from {LOWEST:g} to {HIGHEST:g} LUFS.", hint, field="loudness")
    if not isinstance(name, str) or len(name) > 500:
        raise ApiError(400, "name is a template of a name.", f"Such as '{TEMPLATE}'.", field="name")
    return Wish(format, loudness, name, flag(body, "lyrics"), flag(body, "overwrite"))


_BODY = {
    "format": {"enum": list(SUFFIXES)},
    "loudness": or_none({"type": "number", "minimum": LOWEST, "maximum": HIGHEST}),
    "name": TEXT,
    "lyrics": FLAG,
    "overwrite": FLAG,
}
_WRITTEN = table({"number": WHOLE, "files": many(TEXT), **dict.fromkeys(("loudness", "peak"), or_none(NUMBER))})

ROUTES = (
    Route(
        "POST",
        "/api/takes/{id}/export",
        exported,
        f"Writes a take into the session's {FOLDER}/, with its recipe beside it and, with 'lyrics', LRC and WebVTT "
        "where their times are known. With a 'loudness' (LUFS) no true peak passes -1 dBTP; 'name' is a template, as "
        "'acetui export --help' explains. 409 for what is there already, unless 'overwrite'.",
        {200: Answer("The files, and what they came to.", _WRITTEN)},
        body=Body(table(_BODY)),
    ),
)
