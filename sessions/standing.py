"""Why a take stands where it does: what its score is made of, and its place among the comparable takes."""

from __future__ import annotations

from typing import Any

from engine.scoring.ranking import family, overall, standing
from sessions.columns import COLUMNS, fold
from sessions.lists import Lists
from sessions.query import And, Node, Query, Test
from sessions.query_parser import parse_sort
from sessions.tables import ScoreSettings
from sessions.take import Take

MOST = 1000
"""Takes of a pool that are looked at, the latest."""

_SHARED = ("caption", "lyrics")


def why(lists: Lists, take: Take, weights: ScoreSettings) -> dict[str, Any]:
    """Everything behind a score, as the API and ``acetui take show`` have it.

    The pool are the latest takes that were asked for the same (``engine.scoring.ranking.family``) and passed the gate.
    ``standing`` is None where the take has no score or did not pass. Reads the store, so not for the event loop's own
    thread.
    """
    own = weights.own
    mine = overall(take.parts, take.request, own)
    place = None
    if not take.faults and mine.score is not None:
        place = standing(mine, [overall(each.parts, each.request, own) for each in _pool(lists, take)])
    return {
        **mine.object(),
        "score": take.score,
        "faults": list(take.faults),
        "measured": dict(take.measured),
        "standing": None if place is None else place.object(),
    }


def _pool(lists: Lists, take: Take) -> list[Take]:
    """The others that are comparable and passed the gate."""
    wanted: list[Node] = [Test(COLUMNS["faulty"], "=", False)]
    for name in _SHARED:
        text = take.request.get(name)
        folded = fold(text) if isinstance(text, str) else ""
        wanted.append(Test(COLUMNS[name], "=", folded or None))
    found = lists.query(Query("", And(tuple(wanted))), parse_sort("-number"), limit=MOST).takes
    of = family(take.request, take.identity)
    return [each for each in found if each.number != take.number and family(each.request, each.identity) == of]
