"""What a person, or a scorer, may change of a take that is there: everything else about it has happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import InvalidRequest
from sessions.take import BrokenTake, Take

CHANGEABLE = (
    *("verdict", "pinned", "liked", "rejected", "heard", "rating", "note", "tags", "name"),
    *("score", "parts", "faults", "loudness", "hashes", "extra"),
)

_LONGEST_TAG = 60


def changed(take: Take, changes: Mapping[str, Any]) -> Take:
    """``take`` with ``changes``, by field name; ``verdict`` is one of the words. Marks that contradict a new one go.

    Raises InvalidRequest for a field that does not change and for a value that it cannot have.
    """
    if unknown := sorted(set(changes) - set(CHANGEABLE)):
        raise InvalidRequest(
            f"'{unknown[0]}' of a take cannot be changed.", f"What can is {', '.join(CHANGEABLE)}.", field=unknown[0]
        )
    try:
        return _changed(take, dict(changes))
    except BrokenTake as broken:
        raise InvalidRequest(broken.error, "Give another value.", field=broken.field) from None


def _changed(take: Take, changes: dict[str, Any]) -> Take:
    if "verdict" in changes:
        take = take.judged(changes.pop("verdict"))
    if "tags" in changes:
        changes["tags"] = _tags(changes["tags"])
    if isinstance(changes.get("faults"), list):
        changes["faults"] = tuple(changes["faults"])
    if changes.get("rejected") is True:
        changes = {"liked": False, "pinned": False, **changes}
    elif True in (changes.get("liked"), changes.get("pinned")):
        changes = {"rejected": False, **changes}
    return take.replace(**changes)


def _tags(tags: Any) -> tuple[str, ...]:
    """Tags without blanks around them, each once, in their order."""
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise BrokenTake("Tags are a list of texts", field="tags")
    found: dict[str, None] = {}
    for tag in tags:
        text = " ".join(tag.split()) if isinstance(tag, str) else ""
        if not 0 < len(text) <= _LONGEST_TAG:
            raise BrokenTake(f"A tag is a text of 1 to {_LONGEST_TAG} characters", field="tags")
        found[text] = None
    return tuple(found)
