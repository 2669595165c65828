"""A take as a line of the list: what is shown of it without asking for the whole. No toolkit, no connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acetui.how_long import age

MARKS = ("pinned", "liked", "rejected", "heard")
"""What a person can say of a take with a key, the strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A take in short. Two rows that are equal look the same."""

    number: int
    id: str
    name: str
    score: float | None = None
    duration: float = 0.0
    """Seconds."""

    seed: int = 0
    revision: int | None = None
    marks: frozenset[str] = frozenset()
    """Those of ``MARKS`` that it has."""

    rating: int | None = None
    tags: tuple[str, ...] = ()
    noted: bool = False
    """Whether it has a note."""

    parent: str | None = None
    """The id of the take that it was made from; ``parent_number`` is its number, where that is known."""

    parent_number: int | None = None
    operation: str = "render"
    faults: tuple[str, ...] = ()
    created: str = ""
    stored: str = "whole"
    trashed: bool = False
    sketch: bool = False
    """Whether the small model that comes with the program has made it."""

    @property
    def verdict(self) -> str:
        """The strongest mark, or ``unheard``."""
        return next((mark for mark in MARKS if mark in self.marks), "unheard")


def row_of(told: Mapping[str, Any]) -> Row:
    """The row of a take as the studio tells of it, in short (``/api/rows``) or whole (``take`` and ``changed``)."""
    return Row(
        number=told["number"],
        id=told["id"],
        name=told["name"],
        score=told.get("score"),
        duration=told["duration"],
        seed=told["seed"],
        revision=told.get("revision"),
        marks=frozenset(mark for mark in MARKS if told.get(mark)),
        rating=told.get("rating"),
        tags=tuple(told.get("tags") or ()),
        noted=bool(told["noted"] if "noted" in told else told.get("note")),
        parent=told.get("parent"),
        parent_number=told.get("parent_number"),
        operation=told.get("operation") or "render",
        faults=tuple(told.get("faults") or ()),
        created=told.get("created") or "",
        stored=told.get("stored") or "whole",
        trashed=bool(told.get("trashed")),
        sketch=_sketched(told),
    )


def age_of(row: Row, now: float) -> str:
    """How long ago a take was made, roughly; ``now`` is the time of the day (``time.time``). Empty where none knows."""
    try:
        made = datetime.fromisoformat(row.created)
    except ValueError:
        return ""
    return age(max(now - (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp(), 0.0))


def is_tie(row: Row, above: Row) -> bool:
    """Whether ``row`` may be as good as ``above``, which comes before it: near in score, and of the same pool.

    Scores of the small model mean something only among themselves.
    """
    if row.score is None or above.score is None or row.sketch != above.sketch:
        return False
    from engine.scoring.ranking import are_ties  # a terminal that opens has no score yet

    return are_ties(row.score, above.score)


def _sketched(told: Mapping[str, Any]) -> bool:
    if "sketch" in told:
        return bool(told["sketch"])
    from engine.profiles import is_sketch  # a terminal that opens has no row yet

    return is_sketch(str((told.get("identity") or {}).get("profile", "")))
