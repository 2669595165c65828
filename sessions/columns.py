"""What can be asked of a take: every field that filters and sorts know, by name, and how a take answers.

The index has a column for each, and the query language no other names: one list for both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.request import FIELDS
from sessions.take import Take

Kind = Literal["text", "number", "flag", "list"]
Value = str | float | bool | tuple[str, ...] | None

START = 64
"""Characters by which long texts are sorted."""


@dataclass(frozen=True)
class Column:
    """One thing to ask: text (folded), a number, a flag, or a list of texts. None and empty text mean missing."""

    name: str
    kind: Kind
    get: Callable[[Take], Value]
    long: bool = False
    """Whether its text may be long: the index keeps it apart, and only its beginning is sorted by."""


def fold(text: str) -> str:
    """The form in which texts are compared: without case, without differences in how characters are put together."""
    if text.isascii():
        return text.lower().replace("\0", "")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    # What SQLite cannot hold or compares in its own way: halves of characters, and NUL.
    return folded.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def fold_item(text: str) -> str:
    """``fold`` for an entry of a list; the index divides entries by newlines."""
    return fold(text).replace("\n", " ")


def _attribute(name: str, kind: Kind, *, long: bool = False) -> Column:
    if kind == "text":
        return Column(name, kind, lambda take: fold(getattr(take, name) or ""), long)
    if kind == "list":
        return Column(name, kind, lambda take: tuple(map(fold_item, getattr(take, name))))
    return Column(name, kind, lambda take: getattr(take, name))


_OWN = (
    *(_attribute(name, "number") for name in ("number", "seed", "duration", "score", "rating", "revision")),
    *(_attribute(name, "number") for name in ("gain", "loudness")),
    *(_attribute(name, "flag") for name in ("pinned", "liked", "rejected", "heard", "trashed")),
    *(_attribute(name, "text") for name in ("id", "name", "verdict", "parent", "operation", "batch")),
    *(_attribute(name, "text") for name in ("created", "stored")),
    _attribute("note", "text", long=True),
    *(_attribute(name, "list") for name in ("tags", "faults")),
    Column("unheard", "flag", lambda take: take.verdict == "unheard"),
    Column("faulty", "flag", lambda take: bool(take.faults)),
)

_PLANNED = {"bpm", "keyscale", "timesignature", "vocal_language"}
"""What the planner fills in where a person left it open; the answer is then the planner's."""
_OPEN = (None, "", "unknown")

_KINDS: dict[str, Kind] = {"str": "text", "int": "number", "float": "number", "bool": "flag", "strs": "list"}
_LONG = ("caption", "lyrics", "instruction", "prompt")


def _requested(name: str) -> Callable[[Take], Any]:
    """The value of a request's field; where the planner's is meant, in the order of who decides."""
    if name not in _PLANNED:
        return lambda take: take.request.get(name)

    def decided(take: Take) -> Any:
        candidates = (take.request.get(name), take.request.get(f"cot_{name}"), (take.plan or {}).get(name))
        return next((value for value in candidates if value not in _OPEN), None)

    return decided


def _typed(get: Callable[[Take], Any], kind: Kind) -> Callable[[Take], Value]:
    """``get`` with nothing but values of its kind: a request comes from a file that anybody can edit."""

    def number(take: Take) -> Value:
        found = get(take)
        if type(found) is float:
            return found
        # SQLite has no room for larger whole numbers, and no request has one.
        return found if type(found) is int and -(2**63) <= found < 2**63 else None

    def text(take: Take) -> Value:
        found = get(take)
        return fold(found) if isinstance(found, str) else None

    def items(take: Take) -> Value:
        found = get(take)
        return tuple(fold_item(item) for item in found if isinstance(item, str)) if isinstance(found, list) else ()

    by_kind = {"number": number, "text": text, "list": items, "flag": lambda take: get(take) is True}
    return by_kind[kind]


_REQUESTED = tuple(
    Column(name, _KINDS[field.kind], _typed(_requested(name), _KINDS[field.kind]), name.endswith(_LONG))
    for name, field in FIELDS.items()
    if field.kind in _KINDS
)

COLUMNS: Mapping[str, Column] = {column.name: column for column in (*_REQUESTED, *_OWN)}
"""Every field with a fixed name. A take's own win over the request's: its duration is what came out."""

SYNONYMS: Mapping[str, str] = {
    "key": "keyscale",
    "language": "vocal_language",
    "meter": "timesignature",
    "steps": "inference_steps",
    "task": "task_type",
    "tempo": "bpm",
}

_TABLES: Mapping[str, Kind] = {"parts": "number", "timings": "number", "identity": "text"}


def column(name: str) -> Column | None:
    """The column of a name as people write it: a field, a synonym, or ``parts.NAME`` and its like; None for others."""
    table, dot, key = name.partition(".")
    if dot and table in _TABLES and key:
        return _dotted(table, key)
    lowered = name.lower()
    return COLUMNS.get(SYNONYMS.get(lowered, lowered))


def dotted_values(take: Take) -> Iterator[tuple[str, float | str]]:
    """Every ``parts.NAME``, ``timings.STAGE`` and ``identity.KEY`` that a take has, with its value."""
    for table in _TABLES:
        for key in getattr(take, table):
            value = _dotted(table, key).get(take) if key else None
            if isinstance(value, int | float | str) and value != "":
                yield f"{table}.{key}", value


def _dotted(table: str, key: str) -> Column:
    kind = _TABLES[table]

    def get(take: Take) -> Value:
        value = getattr(take, table).get(key)
        if kind == "text":
            return fold(str(value)) if isinstance(value, str | int | float | bool) else None
        return value if isinstance(value, int | float) else None

    return Column(f"{table}.{key}", kind, get)
