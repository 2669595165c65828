"""The language of filters and sorts, one for the command line, the API and the terminal.

    score>=0.8 and pinned            bpm<100 or key:"A minor"          caption~neon
    "neon drive"                     verdict:unheard and not faulty    parts.lyrics > 0.5, tags:keep

A comparison is a field, an operator and a value. ``=`` and ``:`` mean equal, or, for a list such as ``tags``, that
it holds the value; ``~`` means that the text contains the value. Case does not matter. ``none`` stands for a value
that is missing. Flags stand alone. Text in quotes is looked for in name, caption, lyrics and note. Terms are joined
by ``and`` (which may be left out), ``or``, ``not`` and parentheses.

A missing value is equal to none, unequal to everything else, and neither smaller nor larger than anything: every
expression is either true or false for a take. A sort puts missing values last, whichever way it goes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sessions.columns import START, Column, Value
from sessions.take import Take

__all__ = ["And", "Node", "Not", "Or", "Query", "SortKey", "Test", "sort_value"]


@dataclass(frozen=True)
class Test:
    """``column operator value``; ``None`` as the value means missing. ``operator`` is one of = != < <= > >= ~."""

    __test__ = False  # not one of pytest's

    column: Column
    operator: str
    value: str | float | bool | None


@dataclass(frozen=True)
class And:
    """All of ``items``."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """Any of ``items``."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The opposite of ``item``."""

    item: Node


Node = Test | And | Or | Not


@dataclass(frozen=True)
class Query:
    """A parsed filter; without a ``tree`` it lets every take pass."""

    text: str
    tree: Node | None

    def matches(self, take: Take) -> bool:
        """Whether ``take`` passes: what the index answers, said in Python."""
        return self.tree is None or _holds(self.tree, take)

    def mentions(self, name: str) -> bool:
        """Whether the filter asks for a field at all."""
        return self.tree is not None and any(test.column.name == name for test in tests(self.tree))


@dataclass(frozen=True)
class SortKey:
    """One field to sort by."""

    column: Column
    descending: bool


def tests(tree: Node) -> Iterator[Test]:
    """Every comparison in a tree."""
    if isinstance(tree, Test):
        yield tree
    elif isinstance(tree, Not):
        yield from tests(tree.item)
    else:
        for item in tree.items:
            yield from tests(item)


def sort_value(column: Column, take: Take) -> str | float | None:
    """What a take is sorted by; None goes last."""
    value = column.get(take)
    if column.kind in ("number", "flag"):
        return value  # type: ignore[return-value]
    text = joined(value) if column.kind == "list" else str(value or "")
    return (text[:START] if column.long else text) or None


def joined(items: Value) -> str:
    """A list as the index keeps it: every entry between two newlines, so that a whole entry can be found."""
    return "\n".join(("", *items, "")) if isinstance(items, tuple) and items else ""


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~": operator.contains,
}


def _holds(node: Node, take: Take) -> bool:
    if isinstance(node, And):
        return all(_holds(item, take) for item in node.items)
    if isinstance(node, Or):
        return any(_holds(item, take) for item in node.items)
    if isinstance(node, Not):
        return not _holds(node.item, take)
    value = node.column.get(take)
    if node.column.kind == "list":
        return _list_holds(value if isinstance(value, tuple) else (), node)
    if value == "":
        value = None
    if value is None or node.value is None:
        return {"=": value is node.value, "!=": value is not node.value}.get(node.operator, False)
    return bool(_COMPARE[node.operator](value, node.value))


def _list_holds(items: tuple[str, ...], test: Test) -> bool:
    if test.value is None:
        return bool(items) == (test.operator == "!=")
    if test.operator == "~":
        return any(str(test.value) in item for item in items)
    return (test.value in items) == (test.operator == "=")
