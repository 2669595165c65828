"""A take's request as a recipe file, for ``acetui render`` and for sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

from engine.request import FIELDS, Request


def recipe_text(request: Mapping[str, Any]) -> str:
    """The fields that differ from what a recipe without them means, as TOML. Raises InvalidRequest."""
    fields = Request.from_dict(request).to_dict()
    plain = Request().to_dict()
    table = tomlkit.table()
    for name in FIELDS:
        value = fields[name]
        if value is not None and value != plain[name]:
            table[name] = tomlkit.string(value, multiline=True) if isinstance(value, str) and "\n" in value else value
    document = tomlkit.document()
    document["recipe"] = table
    return tomlkit.dumps(document)
