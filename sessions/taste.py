"""A person's own taste in a session: learnt from their verdicts, and counted only while it orders them better.

It stays in the session's folder: what was learnt is in no file of its own, only its opinion of each take, as the part
``taste``. The weight of that part is 0 to leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from engine.scoring import ranking
from engine.scoring.taste import Features, Judged, Taste, Trial, features, learn, pairs_of, scale_of, trial
from sessions.comparisons import recorded
from sessions.store import Store
from sessions.take import Take

PART = "taste"

MOST_JUDGED = 150
"""Verdicts that are learnt from, the latest."""

MOST_TAKES = 400
"""Takes that get an opinion when it has changed, the latest; new ones get theirs as they come."""

NEW_VERDICTS = 4
"""So many more verdicts, and it is learnt anew."""

_SAID = "(pinned or liked or rejected or rating!=none)"


class Tasting:
    """The taste of a session as it is known. Reads the store, so not for the event loop's own thread."""

    def __init__(self, store: Store, plain: Callable[[Take], float | None] | None = None) -> None:
        """``plain`` is the score of a take without an opinion; that of the usual weights where it is not given."""
        self._store = store
        self._plain = plain or (lambda take: ranking.overall(take.parts, take.request).score)
        self._taste: Taste | None = None
        self._typical: dict[str, float] = {}
        self._learnt_from = 0
        self.trial: Trial | None = None
        """How it has done on verdicts that it had not seen; None before the first try."""

    @property
    def learnt(self) -> Taste | None:
        """What is known of it; None while it does not count."""
        return self._taste

    @property
    def counts(self) -> bool:
        """Whether it has an opinion of takes."""
        return self._taste is not None

    def due(self) -> bool:
        """Whether enough was said since it was learnt."""
        said = len(self._store.order(_SAID))
        return abs(said - self._learnt_from) >= NEW_VERDICTS

    def learn(self) -> list[Take]:
        """Learns anew, and tries it; the takes of which it thinks otherwise now, as they are to be."""
        takes = self._store.several(self._store.order(_SAID, "-number")[:MOST_JUDGED])
        self._learnt_from = len(self._store.order(_SAID))
        judged = [Judged(take.id, grade(take), of(take), self._plain(_plain(take))) for take in takes]
        chosen = [(each.chosen, other) for each in recorded(self._store.folder) for other in each.others]
        self.trial = trial(judged, chosen)
        latest = self._store.several(self._store.order("", "-number")[:MOST_TAKES])
        if self.trial.passed:
            pool = [of(take) for take in latest]
            scale = scale_of(pool)
            self._taste = learn(pairs_of(judged, chosen), scale)
            self._typical = {name: middle for name, (middle, _) in scale.items()}
        else:
            self._taste = None
        others = self._store.several(self._store.order(f"parts.{PART}!=none")) if self._taste is None else latest
        return [now for take in others if _differs(now := self.onto(take), take)]

    def onto(self, take: Take) -> Take:
        """The take with the chance that it is liked better than a typical one; without, where taste does not count."""
        parts = {name: value for name, value in take.parts.items() if name != PART}
        if self._taste is not None and parts:
            parts[PART] = round(self._taste.prefers(of(take), self._typical), 3)
        return take if parts == take.parts else take.replace(parts=parts)

    def words(self, before: bool) -> str:
        """What there is to say after learning, where it counted ``before`` or not; empty where nothing has changed."""
        if self.trial is None or self.counts == before:
            return ""
        tried = f"{self.trial.taste:.0%} of {self.trial.pairs} pairs of your verdicts that it had not seen"
        if self.counts:
            return (
                f"Your taste counts from now on: it orders {tried} as you do, the score alone {self.trial.plain:.0%}."
            )
        return f"Your taste counts no longer: it orders {tried} as you do, the score alone {self.trial.plain:.0%}."


def _differs(one: Take, other: Take) -> bool:
    """Whether an opinion has changed by more than a score can show."""
    now, before = one.parts.get(PART), other.parts.get(PART)
    return not ranking.are_ties(now, before)


def of(take: Take) -> Features:
    """What of a take may please."""
    return features(take.parts, take.measured, take.loudness)


def _plain(take: Take) -> Take:
    """A take without an opinion of it."""
    return take.replace(parts={name: value for name, value in take.parts.items() if name != PART})


def grade(take: Take) -> float:
    """How well somebody likes a take, by what they have said of it: 0 rejected, 5 pinned."""
    if take.rejected:
        return 0.0
    said: Collection[float] = (
        5.0 * take.pinned,
        4.0 * take.liked,
        0.0 if take.rating is None else float(take.rating),
    )
    return max(said)
