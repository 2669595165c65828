"""Pages of the index: which takes pass a filter, in which order, and the SQL indexes that make it fast.

Every sort that is asked for gets an SQL index of its own at its first use (some 50 ms for 50,000 takes); from then on a
page is read from it without sorting anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from sessions.columns import COLUMNS, Column
from sessions.index_schema import BEST_FIRST, COVERED, name_of
from sessions.query import Node, SortKey, tests
from sessions.query_sql import Sql, condition, order
from sessions.summary import Summary

_MOST_SORTS = 30
"""SQL indexes beside the usual ones at most: each makes a commit a little slower. The oldest gives way."""

_MOST_DOTTED = 1000
"""Different ``parts.NAME`` and the like at most: SQLite allows 2,000 columns. Further ones count as missing."""

_USUAL = ("number", "score", "rating", "duration", "name", "created", "seed", "verdict", "operation", "revision", "bpm")
_USUAL_SORTS = {f"sort_c_{name}_number" for name in _USUAL} | {"sort_number", BEST_FIRST}

_FEW = 2000
"""So many takes that pass are looked up and sorted sooner than found one by one in the order that is wanted."""

_MOST_TOTALS = 50

_SUMMARY = (
    "number, seen_id, title, c_seed, c_duration, c_score, c_verdict, c_rating, c_pinned, c_liked, c_faulty, c_trashed, "
    "marked, parent_id, made_by, c_revision, state, made_at, audio_bytes, latents_bytes"
)


class Pages:
    """Reads pages over one connection, and knows the columns of dotted names."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._dotted: dict[str, int] | None = None
        self._totals: dict[tuple[object, ...], int] = {}

    def page(self, tree: Node | None, keys: Sequence[SortKey], limit: int, offset: int) -> tuple[list[Summary], int]:
        """See ``Index.page``."""
        rows, total = self._rows(_SUMMARY, tree, keys, limit, offset)
        return [_summary(row) for row in rows], total

    def numbers(self, tree: Node | None, keys: Sequence[SortKey], limit: int, offset: int) -> tuple[list[int], int]:
        """See ``Index.numbers``."""
        rows, total = self._rows("number", tree, keys, limit, offset)
        return [row[0] for row in rows], total

    def _rows(
        self, columns: str, tree: Node | None, keys: Sequence[SortKey], limit: int, offset: int
    ) -> tuple[list[tuple[Any, ...]], int]:
        where, source = self._where(tree), self._source(tree)
        self._index_for(keys)
        covered = tree is not None and all(test.column.name in COVERED for test in tests(tree))
        narrow = f"takes t INDEXED BY {BEST_FIRST}" if covered else source
        total = self._total(narrow, where)
        found = f"FROM {narrow if total <= _FEW else source} WHERE {where.text}"
        rows = self._connection.execute(
            f"SELECT {columns} {found} ORDER BY {order(keys, self._sort_name)} LIMIT ? OFFSET ?",
            (*where.parameters, limit, offset),
        )
        return rows.fetchall(), total

    def _total(self, source: str, where: Sql) -> int:
        """How many pass: counted once for all pages of a filter, as long as nothing is written."""
        asked = (where.text, *((type(each), each) for each in where.parameters))
        if asked not in self._totals:
            if len(self._totals) >= _MOST_TOTALS:
                self._totals.clear()
            counted = self._connection.execute(f"SELECT count(*) FROM {source} WHERE {where.text}", where.parameters)
            self._totals[asked] = int(counted.fetchone()[0])
        return self._totals[asked]

    def changed(self) -> None:
        """Something was written: what was counted may be wrong."""
        self._totals.clear()

    def order(self, tree: Node | None, keys: Sequence[SortKey]) -> list[int]:
        """See ``Index.order``.

        Where there is a filter, all takes are read in order and those that pass without one, and only then compared:
        each reads an SQL index from end to end, which is faster than looking every take up in the order of the other.
        """
        self._index_for(keys)
        asked = [test.column for test in tests(tree)] if tree is not None else []
        whole = tree if any(column.name == "trashed" for column in asked) else None
        in_order = self._all(whole, keys)
        if tree is whole or tree is None:
            return in_order
        wanted = condition(tree, self._name)
        source = "texts x" if all(column.long for column in asked) else self._source(tree)
        rows = self._connection.execute(f"SELECT number FROM {source} WHERE {wanted.text}", wanted.parameters)
        passing = {row[0] for row in rows}
        return [number for number in in_order if number in passing]

    def _all(self, tree: Node | None, keys: Sequence[SortKey]) -> list[int]:
        where = self._where(tree)
        rows = self._connection.execute(
            f"SELECT number FROM {self._source(tree)} WHERE {where.text} ORDER BY {order(keys, self._sort_name)}",
            where.parameters,
        )
        return [row[0] for row in rows]

    def _where(self, tree: Node | None) -> Sql:
        """The condition of a filter; what is in the trash is out of sight until it is asked for."""
        wanted = condition(tree, self._name) if tree is not None else Sql("1")
        if tree is not None and any(test.column.name == "trashed" for test in tests(tree)):
            return wanted
        return Sql(f"t.c_trashed = 0 AND {wanted.text}", wanted.parameters)

    def _source(self, tree: Node | None) -> str:
        """The tables that a filter reads."""
        long = tree is not None and any(test.column.long for test in tests(tree))
        return "takes t JOIN texts x USING (number)" if long else "takes t"

    def prepare(self) -> None:
        """Makes the indexes of the usual sorts."""
        number = COLUMNS["number"]
        for name in _USUAL:
            self._index_for((SortKey(COLUMNS[name], False), SortKey(number, False))[: 1 if name == "number" else 2])

    def place(self, name: str) -> str | None:
        """The column of ``parts.NAME`` and its like, made if it is new."""
        known = self._places()
        if name not in known:
            if len(known) >= _MOST_DOTTED:
                return None
            number = len(known)
            self._connection.execute(f"ALTER TABLE takes ADD COLUMN d_{number}")
            self._connection.execute("INSERT INTO dotted VALUES (?, ?)", (_storable(name), number))
            known[name] = number
        return f"d_{known[name]}"

    def forget(self) -> None:
        """Reads the places anew at the next use: a transaction was taken back."""
        self._dotted = None
        self._totals.clear()

    def _places(self) -> dict[str, int]:
        if self._dotted is None:
            self._dotted = dict(self._connection.execute("SELECT name, place FROM dotted").fetchall())
        return self._dotted

    def _name(self, column: Column) -> str:
        return f"x.{name_of(column)}" if column.long else self._sort_name(column)

    def _sort_name(self, column: Column) -> str:
        if "." not in column.name:
            return "t.number" if column.name == "number" else f"t.{name_of(column)}"
        number = self._places().get(_storable(column.name))
        return "NULL" if number is None else f"t.d_{number}"

    def _index_for(self, keys: Sequence[SortKey]) -> None:
        """The SQL index that a sort reads, made if it is not there; the same one serves the reverse."""
        names = [(self._sort_name(key.column).removeprefix("t."), key.descending) for key in keys]
        names = [each for each in names if each[0] != "NULL"]
        if not names:
            return
        turned = names[0][1]
        spec = [(name, descending != turned) for name, descending in names]
        title = "sort_" + "_".join(f"{name}{'_d' if descending else ''}" for name, descending in spec)
        made = [
            row[0]
            for row in self._connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'sort%' ORDER BY rowid")
        ]
        if title not in made:
            spare = [name for name in made if name not in _USUAL_SORTS]
            if len(spare) >= _MOST_SORTS:
                self._connection.execute(f"DROP INDEX {spare[0]}")
            columns = ", ".join(f"{name}{' DESC' if descending else ''}" for name, descending in spec)
            self._connection.execute(f"CREATE INDEX {title} ON takes (c_trashed, {columns})")


def _summary(row: Sequence[object]) -> Summary:
    names = Summary.__dataclass_fields__
    flags = ("pinned", "liked", "faulty", "trashed", "marked")
    return Summary(**{name: bool(v) if name in flags else v for name, v in zip(names, row, strict=True)})  # type: ignore[arg-type]


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
