"""Where one revision of the recipe ends in a list of takes, and the words for it. Pure functions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise

from acetui.browsing.take_lines import Divider

Run = tuple[int | None, int]
"""A revision, and how many takes of it follow each other."""


def has_dividers(sort: str) -> bool:
    """Whether takes of one revision stand together in such a sort."""
    return _first_key(sort) in ("number", "revision")


def dividers(
    numbers: Sequence[int], sort: str, runs: Sequence[Run], firsts: Mapping[int, int], changed: Mapping[int, str]
) -> dict[int, Divider]:
    """The dividers of a list, each by the take below it.

    ``firsts`` has the first take of each revision, ``changed`` what was new in it.
    """
    if _first_key(sort) == "revision":
        return _between_runs(numbers, runs, firsts, changed)
    if _first_key(sort) == "number":
        return _between_numbers(numbers, firsts, changed, falling=sort.lstrip().startswith("-"))
    return {}


def _between_runs(
    numbers: Sequence[int], runs: Sequence[Run], firsts: Mapping[int, int], changed: Mapping[int, str]
) -> dict[int, Divider]:
    found: dict[int, Divider] = {}
    at = 0
    for (one, count), (other, _) in pairwise(runs):
        at += count
        newer = max((each for each in (one, other) if each is not None), default=None)
        lone = one is None or other is None
        found[numbers[at]] = "without a revision" if newer is None or lone else _words(newer, firsts, changed)
    return found


def _between_numbers(
    numbers: Sequence[int], firsts: Mapping[int, int], changed: Mapping[int, str], *, falling: bool
) -> dict[int, Divider]:
    found: dict[int, Divider] = {}
    keys = [-number for number in numbers] if falling else numbers
    for revision in sorted(firsts)[1:]:
        first = firsts[revision]
        at = bisect_left(keys, 1 - first) if falling else bisect_left(keys, first)
        if 0 < at < len(numbers):  # a divider has takes on both sides
            found[numbers[at]] = _words(revision, firsts, changed)
    return found


def _words(revision: int, firsts: Mapping[int, int], changed: Mapping[int, str]) -> Divider:
    what = (changed.get(revision) or f"revision {revision}").replace("->", "→")
    return f"from take {firsts[revision]}: {what}" if revision in firsts else what


def _first_key(sort: str) -> str:
    return sort.partition(",")[0].strip().lstrip("-").strip()
