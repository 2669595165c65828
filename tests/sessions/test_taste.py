"""A person's taste in a session: learnt from verdicts, counted once it is proven, and left out by a weight of 0."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from sessions.comparisons import Comparison, record
from sessions.store import Store
from sessions.take import Take
from sessions.taste import Tasting, grade
from tests.sessions.takes import committed, no_waiting

__all__ = ["no_waiting"]

pytestmark = pytest.mark.usefixtures("no_waiting")

REQUEST = {"caption": "x", "lyrics": ""}


def filled(store: Store, count: int, *, likes: float, seed: int = 1, **more: Any) -> None:
    """Takes with colours, and verdicts of somebody who likes the first of them so much."""
    draw = random.Random(seed)
    for _ in range(count):
        colour = [round(draw.gauss(0, 1), 3) for _ in range(4)]
        parts = {"tempo": draw.choice((0.0, 1.0)), "signal": 0.9}
        pleasure = likes * colour[0] + draw.gauss(0, 0.3)
        fields: dict[str, Any] = {"liked": True} if pleasure > 0 else {"rejected": True}
        committed(store, request=REQUEST, parts=parts, measured={"colour": colour}, **fields, **more)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path) as store:
        yield store


def test_a_taste_that_is_proven_gives_every_take_its_chance(store: Store) -> None:
    filled(store, 40, likes=1.0)
    tasting = Tasting(store)
    assert tasting.due()
    changed = tasting.learn()
    assert tasting.counts
    assert tasting.trial is not None
    assert tasting.trial.taste > 0.8
    assert len(changed) == 40
    opinions = {take.number: take.parts["taste"] for take in changed}
    liked = [opinions[take.number] for take in changed if take.liked]
    rejected = [opinions[take.number] for take in changed if take.rejected]
    assert min(sum(liked) / len(liked), 1 - sum(rejected) / len(rejected)) > 0.6
    assert "counts from now on" in tasting.words(before=False)
    assert tasting.words(before=True) == ""
    assert not tasting.due()
    for take in changed:
        store.change(take.number, parts=dict(take.parts))
    assert Tasting(store).learn() == []  # the same opinion is not written again


def test_without_a_taste_nothing_is_said_and_an_old_opinion_goes(store: Store) -> None:
    filled(store, 40, likes=0.0)
    store.change(3, parts={**store.get(3).parts, "taste": 0.9})
    tasting = Tasting(store)
    changed = tasting.learn()
    assert not tasting.counts
    assert [take.number for take in changed] == [3]
    assert "taste" not in changed[0].parts
    assert "counts no longer" in tasting.words(before=True)


def test_few_verdicts_are_not_learnt_from(store: Store) -> None:
    tasting = Tasting(store)
    filled(store, 3, likes=1.0)
    assert not tasting.due()
    filled(store, 1, likes=1.0)
    assert tasting.due()
    assert tasting.learn() == []
    assert not tasting.counts


def test_a_new_take_gets_its_chance_before_it_is_committed(store: Store) -> None:
    filled(store, 40, likes=1.0)
    tasting = Tasting(store)
    fresh = store.get(1).replace(measured={"colour": [2.0, 0, 0, 0]}, parts={"signal": 0.9})
    assert tasting.onto(fresh) == fresh
    tasting.learn()
    assert tasting.onto(fresh).parts["taste"] > 0.6
    assert tasting.onto(fresh.replace(parts={})).parts == {}


def test_comparisons_teach_it_too(store: Store) -> None:
    filled(store, 40, likes=1.0)
    before = Tasting(store)
    before.learn()
    record(store.folder, Comparison(chosen="id1", others=("id2", "gone"), blind=True, matched=True))
    after = Tasting(store)
    after.learn()
    assert before.trial is not None
    assert after.trial is not None
    assert after.counts


def test_it_has_to_beat_the_score_as_it_is_here(store: Store) -> None:
    filled(store, 40, likes=1.0)
    for take in store.several(range(1, 41)):
        store.change(take.number, parts={**take.parts, "taste": 0.3})

    def knows(take: Take) -> float:
        assert "taste" not in take.parts
        return 1.0 if take.liked else 0.0

    tasting = Tasting(store, knows)
    tasting.learn()
    assert tasting.trial is not None
    assert tasting.trial.plain == 1.0
    assert not tasting.counts  # nothing is better than a score that always knows


def test_grades() -> None:
    values = {"id": "a", "number": 1, "name": "", "seed": 1, "duration": 1.0, "files": {"audio": "takes/x.flac"}}
    take = Take(**values, request=REQUEST, parts={"tempo": 1.0, "signal": 0.8, "taste": 0.1})
    found = [
        grade(take.replace(**each)) for each in ({}, {"liked": True}, {"pinned": True, "rating": 2}, {"rating": 3})
    ]
    assert found == [0.0, 4.0, 5.0, 3.0]
    assert grade(take.replace(rejected=True, rating=5)) == 0.0
