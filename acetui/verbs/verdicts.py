"""The verbs of ``acetui take``: which marks each gives. Loaded for --help, so nothing heavy comes along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine import InvalidRequest

Marks = Callable[[Mapping[str, Any], str], dict[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """What a verb of ``acetui take`` does: the marks that it gives, from the take as it is and the ``value``, if any.

    ``value`` says what stands behind the takes on the command line; None where nothing does.
    """

    marks: Marks | None
    value: str | None = None
    deletes: bool = False
    """Whether it removes takes that are in the trash, for good."""


def _rating(text: str) -> int | None:
    if text == "none":
        return None
    if text not in ("0", "1", "2", "3", "4", "5"):
        raise InvalidRequest(f"'{text}' is not a rating.", "It is a number from 0 to 5, or none.", field="rating")
    return int(text)


VERDICTS: Mapping[str, Verdict] = {
    "pin": Verdict(lambda take, _: {"verdict": "pinned"}),
    "unpin": Verdict(lambda take, _: {"pinned": False}),
    "like": Verdict(lambda take, _: {"verdict": "liked"}),
    "unlike": Verdict(lambda take, _: {"liked": False}),
    "reject": Verdict(lambda take, _: {"verdict": "rejected"}),
    "unreject": Verdict(lambda take, _: {"rejected": False}),
    "rate": Verdict(lambda take, value: {"rating": _rating(value)}, "0 to 5, or none"),
    "note": Verdict(lambda take, value: {"note": value}, "a text; an empty one takes the note away"),
    "tag": Verdict(lambda take, value: {"tags": [*take["tags"], value]}, "a word"),
    "untag": Verdict(lambda take, value: {"tags": [tag for tag in take["tags"] if tag != value]}, "a word"),
    "trash": Verdict(lambda take, _: {"trashed": True}),
    "restore": Verdict(lambda take, _: {"trashed": False}),
    "delete": Verdict(None, deletes=True),
    "show": Verdict(None),
}
"""Every verb of ``acetui take``. The same one twice does the same as once."""
