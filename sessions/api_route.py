"""What one route of the API is: the same entry makes the server answer it and the OpenAPI document describe it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from sessions.api_errors import ApiError
from sessions.api_security import Guard
from sessions.schemas import TEXT, Schema
from sessions.studio import Studio

STUDIO: web.AppKey[Studio] = web.AppKey("studio", Studio)
GUARD: web.AppKey[Guard] = web.AppKey("guard", Guard)
PEAKS: web.AppKey[asyncio.Semaphore] = web.AppKey("peaks", asyncio.Semaphore)
"""A list of takes asks for many outlines at once, and the cores belong to the engine: one after the other."""

JSON = "application/json"
BYTES = "application/octet-stream"

SAID: Schema = {"type": "string", "enum": ["true", "false"]}
"""What a query says instead of JSON's true and false."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Param:
    """Something that a request may carry beside its body."""

    name: str
    help: str
    schema: Schema = field(default_factory=lambda: TEXT)


@dataclass(frozen=True)
class Body:
    """What a request carries."""

    schema: Schema
    media: str = JSON


@dataclass(frozen=True)
class Answer:
    """What comes back when all is well."""

    help: str
    schema: Schema | None = None
    media: str = JSON


@dataclass(frozen=True)
class Route:
    """One method of one path. Every route may also answer with an error, which need not be said."""

    method: str
    path: str
    handler: Handler
    help: str
    answers: Mapping[int, Answer]
    query: tuple[Param, ...] = ()
    headers: tuple[Param, ...] = ()
    body: Body | None = None


def studio_of(request: web.Request) -> Studio:
    """The studio that is asked."""
    return request.app[STUDIO]


def said(request: web.Request, name: str) -> bool:
    """Whether the query says that something is ``true``; it may say ``false``. Raises ApiError for anything else."""
    text = request.query.get(name, "false")
    if text not in SAID["enum"]:
        raise ApiError(400, f"{name} is true or false.", "Send one of them.", field=name)
    return text == "true"


def whole_number(request: web.Request, name: str, default: int, most: int, *, least: int = 0) -> int:
    """A number from ``least`` to ``most`` of the query. Raises ApiError for anything else."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 15 and least <= int(text) <= most):
        raise ApiError(400, f"{name} is a whole number from {least} to {most}.", "Give such a number.", field=name)
    return int(text)
