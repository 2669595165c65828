"""Filters and sorts as SQL. Values travel as parameters and names of columns come from the index: nothing is spliced.

The SQL is true or false, never NULL, so that ``not`` means the same as in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sessions.columns import Column
from sessions.query import And, Node, Not, Or, SortKey, Test

Names = Callable[[Column], str]
"""From a column to the expression that stands for it in SQL."""

Parameter = str | float | bool | None


@dataclass(frozen=True)
class Sql:
    """A piece of SQL and what its question marks stand for."""

    text: str
    parameters: tuple[Parameter, ...] = ()


def condition(node: Node, names: Names) -> Sql:
    """A tree as an expression for WHERE."""
    if isinstance(node, Test):
        return _test(node, names(node.column))
    if isinstance(node, Not):
        inner = condition(node.item, names)
        return Sql(f"(NOT {inner.text})", inner.parameters)
    word = " AND " if isinstance(node, And) else " OR "
    assert isinstance(node, And | Or)
    items = [condition(item, names) for item in node.items]
    return Sql(f"({word.join(item.text for item in items)})", tuple(p for item in items for p in item.parameters))


def order(keys: Sequence[SortKey], names: Names) -> str:
    """The keys for ORDER BY, missing values last."""
    return ", ".join(_ordered(key, names(key.column)) for key in keys)


def _ordered(key: SortKey, name: str) -> str:
    if key.descending:
        return f"{name} DESC"  # SQLite takes a missing value for the smallest
    # These are never missing, and SQLite would not see that an index has the order without being told.
    there = key.column.name == "number" or key.column.kind == "flag"
    return f"{name} ASC" if there else f"{name} ASC NULLS LAST"


def _test(test: Test, name: str) -> Sql:
    if test.value is None:
        return Sql(f"({name} IS {'NOT ' if test.operator == '!=' else ''}NULL)")
    if test.column.kind == "list" and test.operator in ("=", "!="):
        found = "> 0" if test.operator == "=" else "= 0"
        return Sql(f"(coalesce(instr({name}, ?), 0) {found})", (f"\n{test.value}\n",))
    if test.operator == "~":
        return Sql(f"(coalesce(instr({name}, ?), 0) > 0)", (test.value,))
    if test.operator in ("=", "!="):
        return Sql(f"({name} IS {'NOT ' if test.operator == '!=' else ''}?)", (test.value,))
    return Sql(f"({name} IS NOT NULL AND {name} {test.operator} ?)", (test.value,))
