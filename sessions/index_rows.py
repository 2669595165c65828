"""From takes to rows of the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sessions.columns import COLUMNS, Column, dotted_values
from sessions.index_schema import LONG, ROW, name_of
from sessions.packed import pack
from sessions.query import joined, sort_value
from sessions.take import Take


@dataclass(frozen=True)
class Entry:
    """A take with what only its files tell: where its JSON is and how it looked, and how large the others are."""

    take: Take
    file: str
    """Where the JSON is, relative to the session's folder."""

    signature: str
    """Time of change, size and inode of the JSON: another one means that it was written since."""

    audio_bytes: int
    latents_bytes: int


class Known(NamedTuple):
    """What the index knows about a take's files."""

    file: str
    """Its JSON, where it is."""

    number: int
    id: str
    signature: str
    stored: str
    audio: str
    latents: str | None
    trashed: int
    has_latents: int


_KINDS: tuple[set[type], ...] = ({str}, {int}, {str}, {str}, {str}, {str}, {str, type(None)}, {int}, {int})


def known_of(rows: Sequence[Sequence[Any]]) -> dict[str, Known]:
    """Rows by their files; raises ValueError where noise has got into one."""
    columns = zip(*rows, strict=True)
    if any(set(map(type, column)) - kinds for column, kinds in zip(columns, _KINDS, strict=False)):
        raise ValueError("a row of the index is damaged")
    return {row[0]: Known._make(row) for row in rows}


class Dotted(Protocol):
    """Where ``parts.NAME`` and its like are kept."""

    def place(self, name: str) -> str | None:
        """The column of such a name, made if it is new; None where there is no room for more."""


def write_entries(connection: sqlite3.Connection, dotted: Dotted, entries: Sequence[Entry]) -> None:
    """Writes the rows of takes, in place of those with the same numbers."""
    fixed = [*ROW, *(name_of(column) for column in COLUMNS.values())]
    texts = ["number", *(name_of(column) for column in LONG)]
    rows, long_rows, objects = [], [], []
    for entry in entries:
        take = entry.take
        values = [*_row(entry), *(sort_value(column, take) for column in COLUMNS.values())]
        places = {dotted.place(name): value for name, value in dotted_values(take)}
        places.pop(None, None)
        if places:
            _insert(connection, "takes", [*fixed, *(str(place) for place in places)], [[*values, *places.values()]])
        else:
            rows.append(values)
        long_rows.append([take.number, *(_long(column, take) for column in LONG)])
        objects.append([take.number, pack(take)])
    _insert(connection, "takes", fixed, rows)
    _insert(connection, "texts", texts, long_rows)
    _insert(connection, "objects", ["number", "content"], objects)


def _insert(connection: sqlite3.Connection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    marks = ",".join("?" * len(names))
    connection.executemany(f"INSERT OR REPLACE INTO {table} ({','.join(names)}) VALUES ({marks})", rows)


def _row(entry: Entry) -> tuple[Any, ...]:
    """The values of ``ROW``."""
    take = entry.take
    return (
        take.number,
        entry.file,
        entry.signature,
        _storable(take.name),
        take.id,
        None if take.parent is None else _storable(take.parent),
        _storable(take.operation),
        _storable(take.created),
        _storable(take.files["audio"]),
        _storable(take.files["latents"]) if "latents" in take.files else None,
        entry.audio_bytes,
        entry.latents_bytes,
        take.stored,
        take.marked,
        None if take.codes is None else _storable(take.codes),
        fingerprint_of(take),
    )


def fingerprint_of(take: Take) -> bytes | None:
    """The bits of a take's fingerprint; None where it has none, or something that is none."""
    told = take.measured.get("fingerprint")
    try:
        return bytes.fromhex(told) or None if isinstance(told, str) else None
    except ValueError:
        return None


def _storable(text: str) -> str:
    """Text without halves of characters, which SQLite refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _long(column: Column, take: Take) -> str | None:
    value = column.get(take)
    if column.kind == "list":
        return joined(value) or None
    return str(value) if value else None
