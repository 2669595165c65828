"""How takes are exported from the terminal: a line such as ``mp3 -14``, and the last one that was typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidRequest
from engine.file_names import SUFFIXES
from sessions.exports import HIGHEST, LOWEST


@dataclass
class Last:
    """What was typed last, offered again."""

    text: str = "flac"


LAST = Last()


def read_wish(text: str) -> dict[str, Any]:
    """The body of a request for it: a format, a loudness in LUFS, each or none. Raises InvalidRequest."""
    wish: dict[str, Any] = {"format": "flac", "lyrics": True}
    for word in text.lower().replace("lufs", " ").split():
        if word in SUFFIXES:
            wish["format"] = word
            continue
        try:
            wish["loudness"] = float(word)
        except ValueError:
            raise InvalidRequest(f"'{word[:20]}' is no format.", f"There are {', '.join(SUFFIXES)}.") from None
        if not LOWEST <= wish["loudness"] <= HIGHEST:
            raise InvalidRequest(f"{word[:20]} is no loudness.", f"It goes from {LOWEST:g} to {HIGHEST:g} LUFS.")
    return wish
