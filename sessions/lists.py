"""Reading the takes of a session: one, a page of them, or all that pass a filter in short form."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import EngineError
from sessions.columns import COLUMNS
from sessions.index import Counts
from sessions.index_life import LivingIndex
from sessions.query import And, Node, Not, Or, Query, SortKey, Test
from sessions.query_parser import parse, parse_sort
from sessions.summary import Summary
from sessions.take import Take
from sessions.take_names import STITCH, key_of

NEWEST_FIRST = "-number"
BEST = SortKey(COLUMNS["score"], True)
_ALL = -1
_BEYOND = 10**15
"""No take has such a number, and the index may have no room for it."""


class NoTake(EngineError):
    """A take that the session does not have."""

    exit_code = 3


def _ranked(keys: Sequence[SortKey]) -> list[SortKey]:
    """The keys of a sort in which the best come first, but none that did not pass the gate before one that did."""
    names = [key.column.name for key in keys]
    if "faulty" in names or not any(key.column.name == "score" and key.descending for key in keys):
        return list(keys)
    at = names.index("score")
    return [*keys[:at], SortKey(COLUMNS["faulty"], False), *keys[at:]]


@dataclass(frozen=True)
class Page:
    """Some of the takes that pass a filter, and how many pass it in all."""

    takes: Sequence[Take]
    total: int


class Lists:
    """The half of a store that only reads. A take is named by its number or its id."""

    def __init__(self, living: LivingIndex, lock: threading.RLock) -> None:
        self._living = living
        self._lock = lock

    def get(self, key: int | str) -> Take:
        """The take with a number or an id, in the trash or not. Raises NoTake."""
        with self._lock:
            number = self._number(key)
            take = self._living.run(lambda index: index.get(number)) if number is not None else None
        if take is None:
            raise NoTake(f"There is no take {str(key)[:60]}.", "'acetui takes' lists those that there are.")
        return take

    def query(
        self, filter: str | Query = "", sort: str | Sequence[SortKey] = NEWEST_FIRST, limit: int = 200, offset: int = 0
    ) -> Page:
        """A page of whole takes. Raises BadQuery.

        What is in the trash is left out unless the filter asks for ``trashed``. Equal takes follow each other by
        number, in the direction of the last key; those of one score by rising numbers, for they are ties. By falling
        scores, what did not pass the gate comes behind all else.
        """
        with self._lock:
            tree, keys = self._understood(filter, sort)
            numbers, total = self._living.run(lambda index: index.numbers(tree, keys, max(limit, 0), max(offset, 0)))
            return Page(self._living.run(lambda index: index.takes(numbers)), total)

    def order(self, filter: str | Query = "", sort: str | Sequence[SortKey] = NEWEST_FIRST) -> list[int]:
        """The numbers of all takes that pass, in their order, from the index alone. Raises BadQuery."""
        with self._lock:
            tree, keys = self._understood(filter, sort)
            return self._living.run(lambda index: index.order(tree, keys))

    def revisions(self) -> list[tuple[int, int | None, str]]:
        """The number, the revision and the operation of every take, in the trash or not, by number."""
        with self._lock:
            return self._living.run(lambda index: index.revisions())

    def fingerprints(self) -> list[tuple[int, str, float, str | None, bytes | None]]:
        """Number, operation, seconds, codes' hash and fingerprint of every take, in the trash or not, by number."""
        with self._lock:
            return self._living.run(lambda index: index.fingerprints())

    def several(self, numbers: Sequence[int]) -> list[Take]:
        """Whole takes in the order of their ``numbers``, in the trash or not; those that are not there are left out."""
        with self._lock:
            return self._living.run(lambda index: index.takes(numbers))

    def numbers_of(self, ids: Iterable[str]) -> dict[str, int]:
        """The numbers of the takes with these ids, as far as they are there."""
        with self._lock:
            found = self._living.run(lambda index: {id: index.number_of(id) for id in ids if id.isascii()})
        return {id: number for id, number in found.items() if number is not None}

    def summaries(
        self,
        filter: str | Query = "",
        sort: str | Sequence[SortKey] = NEWEST_FIRST,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[list[Summary], int]:
        """The same in short form, several times faster; all takes without a ``limit``. Raises BadQuery."""
        count = _ALL if limit is None else max(limit, 0)
        with self._lock:
            tree, keys = self._understood(filter, sort)
            return self._living.run(lambda index: index.page(tree, keys, count, max(offset, 0)))

    def summary(self, key: int | str) -> Summary:
        """One take in short form, in the trash or not. Raises NoTake."""
        with self._lock:
            take = self.get(key)
            tree = And((Test(COLUMNS["number"], "=", take.number), Test(COLUMNS["trashed"], "=", take.trashed)))
            found, _ = self._living.run(lambda index: index.page(tree, parse_sort("number"), 1, 0))
        return found[0]

    def counts(self) -> Counts:
        """How many takes there are of each kind."""
        with self._lock:
            return self._living.run(lambda index: index.counts())

    def noted(self, name: str) -> Any:
        """What was noted in the index under a name, as JSON has it; None where nothing was, or the index is new."""
        with self._lock:
            return self._living.run(lambda index: index.note(name))

    def parents(self) -> frozenset[str]:
        """The ids of takes from which others were made, as what was joined behind another one was too."""
        with self._lock:
            joined = (self.get(take.number).request for take in self.summaries(f"operation={STITCH}")[0])
            behind = {key_of(str(request.get("next_audio") or "")) for request in joined}
            return self._living.run(lambda index: index.parents()) | {id for id in behind if isinstance(id, str)}

    def highest_revision(self) -> int:
        """The highest revision of the recipe that any take was made of, the trash included; 0 where none was."""
        last, _ = self.summaries("(trashed or not trashed) and revision!=none", "-revision", limit=1)
        return (last[0].revision or 0) if last else 0

    def usage(self) -> int:
        """Bytes of audio and latents, the trash included."""
        with self._lock:
            return self._living.run(lambda index: index.usage())

    def _understood(self, filter: str | Query, sort: str | Sequence[SortKey]) -> tuple[Node | None, list[SortKey]]:
        """The tree of a filter and the keys of a sort, which end with the number so that no two takes are equal."""
        query = parse(filter) if isinstance(filter, str) else filter
        keys = _ranked(parse_sort(sort) if isinstance(sort, str) else sort)
        if not any(key.column.name == "number" for key in keys):
            keys.append(SortKey(COLUMNS["number"], not keys or (keys[-1].descending and keys[-1] != BEST)))
        return None if query.tree is None else self._with_ids(query.tree), keys

    def _number(self, key: int | str) -> int | None:
        if isinstance(key, int):
            return key if abs(key) < _BEYOND else None
        number = self._living.run(lambda index: index.number_of(key))
        return int(key) if number is None and key.isascii() and key.isdecimal() and len(key) < 16 else number

    def _with_ids(self, node: Node) -> Node:
        """``parent:47`` means the take of that number: people know no ids."""
        if isinstance(node, Test):
            if node.column.name == "parent" and isinstance(node.value, str) and node.value.isdecimal():
                number = int(node.value[:15])
                id = self._living.run(lambda index: index.id_of(number))
                return node if id is None else replace(node, value=id.lower())
            return node
        if isinstance(node, Not):
            return Not(self._with_ids(node.item))
        items = tuple(self._with_ids(item) for item in node.items)
        return And(items) if isinstance(node, And) else Or(items)
