"""Whether a take passes a filter, said here: the studio is not asked about every take that comes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError
from sessions.query_parser import parse
from sessions.take import Take

_FIELDS = frozenset(field.name for field in dataclasses.fields(Take))


def passes(told: Mapping[str, Any], filter: str) -> bool:
    """Whether the take ``told`` (whole, as events have it) passes ``filter``, as the studio would list it."""
    try:
        query, take = parse(filter), take_of(told)
    except EngineError:  # a take of a newer version is shown rather than not
        return True
    return query.matches(take) and (not take.trashed or query.mentions("trashed"))


def take_of(told: Mapping[str, Any]) -> Take:
    """The take that an event or an answer tells of, but for its files. Raises BrokenTake."""
    fields = {name: value for name, value in told.items() if name in _FIELDS}
    fields |= {name: tuple(told[name]) for name in ("faults", "tags")}
    # Where its files are now depends on whether it is in the trash; no filter asks for that.
    return Take(**fields | {"files": {"audio": "takes/somewhere.flac"}})
