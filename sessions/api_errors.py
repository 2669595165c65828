"""What goes wrong over HTTP: always JSON with a sentence, a hint and a field, and a status that fits."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from engine.errors import BadCheckpoint, Cancelled, EngineError, InvalidRequest, OutOfMemory, RenderFailed
from engine.strict_json import Mismatch, parse_object
from sessions.engine_life import EngineGaveUp, EngineLost
from sessions.errors import Clash, MissingSession
from sessions.fetching import Underway
from sessions.home import NoAudio
from sessions.lists import NoTake
from sessions.operations import NothingToDo
from sessions.own_sources import ForeignPath
from sessions.query_parser import BadQuery
from sessions.sources import NoSource
from sessions.store import Protected, ReadOnly, Taken
from sessions.trash import NotMoved

LARGEST_BODY = 2**20
"""Bytes of a JSON body; uploads have a limit of their own."""

_log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[EngineError], int], ...] = (
    (Clash, 412),
    (ForeignPath, 403),
    (NoTake, 404),
    (NoSource, 404),
    (NoAudio, 404),
    (MissingSession, 404),
    (BadQuery, 400),
    (InvalidRequest, 400),
    (Protected, 409),
    (ReadOnly, 409),
    (Taken, 409),
    (NotMoved, 409),
    (NothingToDo, 409),
    (Underway, 409),
    (Cancelled, 409),
    (OutOfMemory, 503),
    (BadCheckpoint, 503),
    (EngineGaveUp, 503),
    (EngineLost, 503),
    (RenderFailed, 507),
)
"""The first that fits counts; anything else of the family is the studio's own trouble, 503."""


class ApiError(EngineError):
    """A refusal of the API itself, with its status."""

    def __init__(self, status: int, error: str, hint: str, *, field: str | None = None) -> None:
        super().__init__(error, hint, field=field)
        self.status = status


def status_of(error: EngineError) -> int:
    """The HTTP status for an error of the engine's family."""
    if isinstance(error, ApiError):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def reply(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON that any program can read: no NaN, and half characters as escapes."""
    return web.Response(
        text=json.dumps(content, allow_nan=False) + "\n",
        status=status,
        headers=headers,
        content_type="application/json",
    )


async def read_json(request: web.Request) -> dict[str, Any]:
    """The JSON object in a body; an empty body is an empty object. Raises ApiError for anything else."""
    try:
        data = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, f"The body has more than {LARGEST_BODY} bytes.", "Send less at once.") from None
    if not data.strip():
        return {}
    try:
        return parse_object(data)
    except Mismatch as mismatch:
        raise ApiError(400, f"The body is not understood: {str(mismatch)[:200]}.", "Send a JSON object.") from None


def refuse_unknown(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raises ApiError for the first name in a body that means nothing: a typing error must not be swallowed."""
    if unknown := sorted(set(body) - set(known)):
        raise ApiError(
            400, f"'{unknown[0][:60]}' is not understood here.", f"Known are {', '.join(known)}.", field=unknown[0][:60]
        )


def flag(body: Mapping[str, Any], name: str) -> bool:
    """A value that is true or false, and false where it is not given. Raises ApiError for anything else."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(400, f"{name} is true or false.", "Send one of them.", field=name)
    return value


def recipe_changes(body: Mapping[str, Any], example: str = "{'bpm': 96}") -> dict[str, Any]:
    """Values of a recipe that differ from what counts; what they are is looked at where they go. Raises ApiError."""
    changes = body.get("recipe", {})
    if not isinstance(changes, dict):
        raise ApiError(400, "recipe is a table of fields.", f"For example {example}.", field="recipe")
    return changes


@web.middleware
async def errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    """Turns every failure into its JSON form; only what nobody foresaw is a 500, and its traceback is in the log."""
    try:
        answer: web.StreamResponse = await handler(request)
        return answer
    except EngineError as error:
        return failure(error)
    except web.HTTPException as error:
        return _http_failure(request, error)
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        hint = "The studio's log has the details; please report it."
        return reply({"error": "Something failed unexpectedly.", "hint": hint, "field": None}, 500)


def failure(error: EngineError, **more: Any) -> web.Response:
    """The answer to a failure of the engine's family, with ``more`` in it where there is more to say."""
    headers = {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else None
    return reply({**error.to_dict(), **more}, status_of(error), headers)


def _http_failure(request: web.Request, error: web.HTTPException) -> web.Response:
    sentences = {
        404: ("There is nothing here.", "GET /api/openapi.json lists what there is."),
        405: (f"{request.method} is not understood here.", "GET /api/openapi.json lists what is."),
        413: ("The body is too large.", "Send less at once."),
    }
    sentence, hint = sentences.get(error.status, (f"{error.reason}.", "GET /api/openapi.json says what is understood."))
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return reply({"error": sentence, "hint": hint, "field": None}, error.status, headers)
