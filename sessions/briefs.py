"""A take in the form in which lists show it: what a row of fifty thousand needs, and nothing of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.profiles import is_sketch

SAME = (
    *("number", "id", "name", "score", "parts", "duration", "seed", "revision", "verdict", "pinned", "liked"),
    *("rejected", "heard", "rating", "tags", "parent", "operation", "faults", "created", "batch", "stored", "trashed"),
)
"""What a row has as the take has it."""


def brief(take: Mapping[str, Any], parent_number: int | None = None) -> dict[str, Any]:
    """The row of a take object, as events and the API have them.

    ``noted`` says that there is a note, ``sketch`` that the small model made it; ``parent_number`` is what a person
    knows the parent by, None where there is none or it is gone.
    """
    row = {name: take[name] for name in SAME}
    row["noted"] = bool(take["note"])
    row["sketch"] = is_sketch(str(take["identity"].get("profile", "")))
    row["parent_number"] = parent_number
    return row
