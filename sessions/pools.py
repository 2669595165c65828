"""Which takes are comparable, and what their parts are like: the scales by which relative parts of a score count.

A pool is the takes of one family (``engine.scoring.ranking.family``) that passed the gate, in the trash or not: a pool
does not change because somebody tidies up. What a pool is like is read from the index when one of its takes is met.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from engine.scoring.pooling import Scales, relative, scales_of
from engine.scoring.ranking import family
from sessions.columns import COLUMNS, fold
from sessions.lists import Lists
from sessions.query import And, Node, Or, Query, Test
from sessions.query_parser import parse_sort
from sessions.take import Take

MOST_MEMBERS = 1000
"""Takes of a pool that are looked at, the first."""

MOST_POOLS = 32
"""Pools that are remembered, those met last."""

_SHARED = ("caption", "lyrics")
_TRASH_TOO = Or((Test(COLUMNS["trashed"], "=", True), Test(COLUMNS["trashed"], "=", False)))


class Pools:
    """The pools of a session. Reads the store, so not for the event loop's own thread."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._pools: OrderedDict[str, _Pool] = OrderedDict()
        self._lock = threading.Lock()

    def scales(self, take: Take) -> Scales:
        """The scales of the pool that a take belongs to, whether it passed or not."""
        with self._lock:
            return self._of(take).scales

    def join(self, take: Take) -> list[int]:
        """Counts a take, new or changed, among its pool; the numbers of all of it where its scales have moved by that.

        Nothing changes by one that did not pass.
        """
        with self._lock:
            pool = self._of(take)
            return list(pool.members) if not take.faults and pool.add(take) else []

    def forget(self) -> None:
        """Reads every pool anew when it is met: takes may have been edited by hand."""
        with self._lock:
            self._pools.clear()

    def _of(self, take: Take) -> _Pool:
        name = family(take.request, take.identity)
        if name not in self._pools:
            pool = self._pools[name] = _Pool()
            for each in alike(self._lists, take, "number"):
                pool.put(each)
            pool.learn()
        self._pools.move_to_end(name)
        while len(self._pools) > MOST_POOLS:
            self._pools.popitem(last=False)
        return self._pools[name]


class _Pool:
    """The relative measures of a pool's first takes, by number, and the scales that they make."""

    def __init__(self) -> None:
        self.members: dict[int, Mapping[str, float]] = {}
        self.scales: Scales = {}

    def put(self, take: Take) -> None:
        if take.number in self.members or len(self.members) < MOST_MEMBERS:
            self.members[take.number] = relative(take.parts)

    def learn(self) -> None:
        self.scales = scales_of([self.members[number] for number in sorted(self.members)])

    def add(self, take: Take) -> bool:
        """Whether the scales are other ones with it."""
        before = self.scales
        self.put(take)
        self.learn()
        return self.scales != before


def every_scale(takes: Iterable[Take]) -> dict[str, Scales]:
    """The scales of every pool by its family, from all ``takes`` of a session in the order of their numbers.

    Takes of many pools lie mixed: whoever goes through all of them would read the same pools again and again.
    """
    pools: dict[str, _Pool] = {}
    for take in takes:
        pool = pools.setdefault(family(take.request, take.identity), _Pool())
        if not take.faults:
            pool.put(take)
    for pool in pools.values():
        pool.learn()
    return {name: pool.scales for name, pool in pools.items()}


def alike(lists: Lists, take: Take, sort: str, *, trashed: bool = True) -> list[Take]:
    """The comparable takes that passed, itself included, ``MOST_MEMBERS`` of what has the same words at most."""
    wanted: list[Node] = [Test(COLUMNS["faulty"], "=", False), *([_TRASH_TOO] if trashed else [])]
    for name in _SHARED:
        text = take.request.get(name)
        folded = fold(text) if isinstance(text, str) else ""
        wanted.append(Test(COLUMNS[name], "=", folded or None))
    found = lists.query(Query("", And(tuple(wanted))), parse_sort(sort), limit=MOST_MEMBERS).takes
    of = family(take.request, take.identity)
    return [each for each in found if family(each.request, each.identity) == of]
