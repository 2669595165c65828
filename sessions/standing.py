"""Why a take stands where it does: what its score is made of, and its place among the comparable takes."""

from __future__ import annotations

from typing import Any

from engine.scoring.ranking import Overall, overall, standing
from sessions.lists import Lists
from sessions.pools import Pools, alike
from sessions.tables import ScoreSettings
from sessions.take import Take


def why(lists: Lists, take: Take, weights: ScoreSettings) -> dict[str, Any]:
    """Everything behind a score, as the API and ``acetui take show`` have it.

    The pool are the latest takes that were asked for the same (``engine.scoring.ranking.family``) and passed the gate.
    ``standing`` is None where the take has no score or did not pass. Reads the store, so not for the event loop's own
    thread.
    """
    scales = Pools(lists).scales(take)

    def of(one: Take) -> Overall:
        return overall(one.parts, one.request, weights.own, scales)

    mine, place = of(take), None
    if mine.score is not None and not take.faults:
        pool = alike(lists, take, "-number", trashed=False)
        place = standing(mine, [of(each) for each in pool if each.number != take.number])
    return {
        **mine.object(),
        "score": take.score,
        "faults": list(take.faults),
        "measured": dict(take.measured),
        "standing": None if place is None else place.object(),
    }
