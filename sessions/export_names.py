"""What exported files are called, and what is written into them. No audio library."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any

from engine import InvalidRequest, __version__

TEMPLATE = "{number:04} {name}"

_LONGEST = 150
"""Characters of a name: file systems allow 255 bytes, and the suffix comes after it."""


def fields(take: Mapping[str, Any], session: str) -> dict[str, Any]:
    """What a template can name. What a take does not have is an empty text."""
    request = take["request"]
    known = {
        "session": session,
        "number": take["number"],
        "name": take["name"],
        "seed": take["seed"],
        "score": "" if take.get("score") is None else f"{take['score']:.2f}",
        "rating": take.get("rating"),
        "bpm": request.get("bpm"),
        "key": request.get("keyscale"),
        "date": str(take.get("created") or "")[:10],
        "id": take["id"],
    }
    return {name: "" if value is None else value for name, value in known.items()}


def file_name(template: str, take: Mapping[str, Any], session: str) -> str:
    """The name, without a suffix. Raises InvalidRequest for a template that cannot be used."""
    known = fields(take, session)
    try:
        for _, name, _, _ in string.Formatter().parse(template):
            if name is not None and name not in known:
                raise InvalidRequest(f"A name cannot hold {{{name}}}.", f"It knows {', '.join(known)}.", field="name")
        text = template.format_map(known)
    except (ValueError, KeyError, IndexError):
        hint = f"It is written as '{TEMPLATE}'."
        raise InvalidRequest(f"'{template}' cannot be a name.", hint, field="name") from None
    safe = "".join("-" if sign in '/\\:*?"<>|' or not sign.isprintable() else sign for sign in text)
    name = " ".join(safe.split()).strip(". ")[:_LONGEST].rstrip()
    if not name:
        raise InvalidRequest(f"'{template}' makes an empty name.", f"It is written as '{TEMPLATE}'.", field="name")
    return name


def tags(take: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the file: the take's own name, its words, and the recipe that makes it again."""
    request = take["request"]
    found = {
        "title": take["name"],
        "comment": take.get("note") or request.get("caption"),
        "lyrics": request.get("lyrics"),
        "bpm": request.get("bpm"),
        "key": request.get("keyscale"),
        "date": str(take.get("created") or "")[:10],
        "software": f"acetui {__version__}",
        "ACETUI_RECIPE": json.dumps(request),
    }
    return {name: str(value) for name, value in found.items() if value}
