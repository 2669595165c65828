"""The API's description of itself, made from the table that the server routes by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from engine import __version__
from sessions.api_route import JSON, Param, Route
from sessions.schemas import SCHEMAS, Schema, ref

_PATH = re.compile(r"{(\w+)}")


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``routes``."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "acetui studio", "version": __version__, "description": "docs/api.md says it in words."},
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS), "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(route: Route) -> dict[str, Any]:
    places = [(Param(name, ""), "path", True) for name in _PATH.findall(route.path)]
    params = [
        *places,
        *((param, "query", False) for param in route.query),
        *((param, "header", False) for param in route.headers),
    ]
    operation: dict[str, Any] = {
        "operationId": "_".join([route.method.lower(), *re.findall(r"\w+", route.path.removeprefix("/api"))]),
        "summary": route.help,
        "responses": {
            **{str(status): _response(each.help, each.schema, each.media) for status, each in route.answers.items()},
            "default": _response("What went wrong.", ref("Error"), JSON),
        },
    }
    if params:
        operation["parameters"] = [
            {"name": param.name, "in": where, "required": required, "description": param.help, "schema": param.schema}
            for param, where, required in params
        ]
    if route.body is not None:
        operation["requestBody"] = {"content": {route.body.media: {"schema": route.body.schema}}}
    return operation


def _response(help: str, schema: Schema | None, media: str) -> dict[str, Any]:
    return {"description": help} if schema is None else {"description": help, "content": {media: {"schema": schema}}}
