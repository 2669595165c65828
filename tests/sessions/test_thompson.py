"""The loop's way by taste: what is liked better is made more often, what is unknown is tried, and a seed repeats it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.scoring.taste import Taste
from sessions.batch import RENDER, SIBLING
from sessions.planner import Planner
from sessions.policy import MOST_SIBLINGS
from sessions.revisions import Revision
from sessions.settings import LoopSettings, Settings
from sessions.store import Store
from sessions.taste import Tasting
from sessions.thompson import LEAST_NEW, choose, known
from tests.sessions.takes import committed, no_waiting
from tests.sessions.test_policy import revision
from tests.sessions.test_taste import filled

__all__ = ["no_waiting"]

pytestmark = pytest.mark.usefixtures("no_waiting")

BRIGHT, DULL = {"colour 0": 1.0}, {"colour 0": -1.0}


def taste(weight: float, variance: float) -> Taste:
    return Taste({"colour 0": (0.0, 1.0)}, [weight], [[variance]])


def ways(known_taste: Taste, new: list[dict[str, float]], siblings: dict[int, list[dict[str, float]]]) -> Counter[Any]:
    return Counter(choose(known_taste, new, siblings, seed).pin for seed in range(200))


def test_what_is_surely_liked_is_chosen() -> None:
    assert ways(taste(2.0, 1e-6), [DULL] * 8, {3: [BRIGHT], 5: [DULL]}) == {3: 200}
    assert ways(taste(-2.0, 1e-6), [DULL], {3: [BRIGHT]}) == {None: 200}


def test_what_is_hardly_known_is_tried_both_ways() -> None:
    found = ways(taste(0.3, 1.0), [DULL] * 8, {3: [BRIGHT]})
    # a weight above 0 prefers the sibling: with mean .3 and spread 1 that is 62 of 100
    assert found[3] / 200 == pytest.approx(0.62, abs=0.12)


def test_a_choice_has_a_seed_and_says_how_likely_it_was() -> None:
    known_taste, new, siblings = taste(0.3, 1.0), [DULL] * 8, {3: [BRIGHT]}
    one = choose(known_taste, new, siblings, 7)
    assert one == choose(known_taste, new, siblings, 7)
    assert one.chance == pytest.approx(0.62 if one.pin == 3 else 0.38, abs=0.16)
    assert one.object() == {"by": "taste", "pin": one.pin, "seed": 7, "chance": one.chance, "words": one.words()}
    assert f"where your taste goes {one.chance:.0%} of the time" in one.words()


def test_draws_scatter_as_the_posterior_does() -> None:
    known_taste = Taste({"a": (0, 1), "b": (0, 1)}, [1.0, 0.0], [[0.25, 0.2], [0.2, 0.5]])
    rng = random.Random(1)
    rows = [known_taste.drawn(rng) for _ in range(4000)]
    mean = [sum(row[i] for row in rows) / len(rows) for i in (0, 1)]
    assert mean == pytest.approx([1.0, 0.0], abs=0.05)
    for i, j, expected in ((0, 0, 0.25), (0, 1, 0.2), (1, 1, 0.5)):
        found = sum((row[i] - mean[i]) * (row[j] - mean[j]) for row in rows) / len(rows)
        assert found == pytest.approx(expected, abs=0.04)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path) as store:
        yield store


def test_few_new_takes_are_no_ground_for_a_choice(store: Store) -> None:
    for number in range(LEAST_NEW - 1):
        committed(store, revision=1, parts={"signal": 0.1 * number})
    assert known(store, 1, [1])[0] == []
    committed(store, revision=1, parts={"signal": 0.9})
    committed(store, revision=1, parts={"signal": 0.5}, operation="sibling", parent="id1")
    committed(store, revision=1, parts={"signal": 0.6}, operation="sibling", parent="id1", faults=("silent",))
    new, siblings = known(store, 1, [1])
    assert len(new) == LEAST_NEW
    assert siblings == {1: [{"signal": 0.0}, {"signal": 0.5}]}


def loud(store: Store) -> Planner:
    """A session of somebody whose taste counts, who has pinned one of the takes that they like."""
    filled(store, 40, likes=1.0, revision=1)
    liked = max(store.several(range(1, 41)), key=lambda take: take.measured["colour"][0])
    store.change(liked.number, pinned=True)
    tasting = Tasting(store)
    tasting.learn()
    assert tasting.counts
    return Planner(store, tasting)


def test_the_loop_goes_by_a_taste_that_counts_and_keeps_room_for_new_ideas(store: Store) -> None:
    planner, current = loud(store), revision()
    made = [planner.plan(current, LoopSettings(), 8) for _ in range(40)]
    by_taste = [batch for batch in made if batch.choice is not None]
    assert by_taste
    for batch in by_taste:
        assert (batch.operation == SIBLING) == (batch.choice["pin"] is not None)  # type: ignore[index]
        assert batch.origin()["extra"]["choice"]["words"]
    siblings = sum(batch.operation == SIBLING for batch in made) / len(made)
    assert 0.4 < siblings <= MOST_SIBLINGS
    assert {batch.operation for batch in made if batch.choice is None} <= {RENDER}


def test_it_does_not_where_taste_is_off_or_explored_alone(store: Store) -> None:
    planner = loud(store)
    off = Revision(1, Settings.from_dict({"recipe": {"caption": "x"}, "scores": {"taste": 0.0}}), "")
    assert all(planner.plan(off, LoopSettings(), 8).choice is None for _ in range(6))
    current, explored = revision(), LoopSettings(policy="explore")
    assert all(planner.plan(current, explored, 8).choice is None for _ in range(6))


def test_siblings_alone_are_chosen_among_pins(store: Store) -> None:
    planner, current = loud(store), revision()
    made = [planner.plan(current, LoopSettings(policy="siblings"), 8) for _ in range(3)]
    assert {batch.operation for batch in made} == {SIBLING}
    assert all(batch.choice is not None for batch in made)
