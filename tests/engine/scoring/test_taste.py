"""The preference model: by hand where that is possible, and against made-up people whose taste is known."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from engine.scoring import taste
from engine.scoring.outline import statistics
from engine.scoring.taste import Judged, Taste, features, learn, pairs_of, scale_of, trial


def take(key: int, grade: float, plain: float | None = 0.5, **heard: float) -> Judged:
    return Judged(f"{key:03}", grade, heard, plain)


def person(seed: int, count: int, likes: dict[str, float], noise: float = 0.3) -> list[Judged]:
    """Verdicts of somebody who likes some features, with a mind of their own."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        heard = {name: draw.gauss(0, 1) for name in ("bright", "fast", "loud", "minor", "busy")}
        pleasure = sum(weight * heard[name] for name, weight in likes.items()) + draw.gauss(0, noise)
        found.append(take(number, 3.0 if pleasure > 0 else 0.0, plain=draw.random(), **heard))
    return found


def test_a_single_pair_by_hand() -> None:
    """One feature, one pair a spread apart: the best w of log sigma(w) - w^2 / (2 tau^2) has sigma(-w) = w / tau^2."""
    pair = (take(1, 1.0, x=1.0), take(2, 0.0, x=0.0))
    found = learn([pair], {"x": (0.5, 1.0)})
    (w,) = found.weights
    assert 1 / (1 + math.exp(w)) == pytest.approx(w / taste.PRIOR**2, abs=1e-6)
    chance = 1 / (1 + math.exp(-w))
    variance = 1 / (1 / taste.PRIOR**2 + chance * (1 - chance))
    assert found.covariance[0][0] == pytest.approx(variance)
    expected = 1 / (1 + math.exp(-w / math.sqrt(1 + math.pi * variance / 8)))
    assert found.prefers({"x": 1.0}, {"x": 0.0}) == pytest.approx(expected)


def test_who_has_heard_nothing_does_not_know() -> None:
    found = learn([], {"x": (0.0, 1.0)})
    assert found.prefers({"x": 5.0}, {"x": -5.0}) == 0.5
    assert Taste({}, [], []).prefers({}, {"x": 1.0}) == 0.5


def test_a_taste_is_found_and_is_symmetric() -> None:
    judged = person(1, 60, {"bright": 1.0, "fast": -1.0})
    found = learn(pairs_of(judged), scale_of([each.features for each in judged]))
    bright_slow, dark_fast = {"bright": 1.5, "fast": -1.5}, {"bright": -1.5, "fast": 1.5}
    assert found.prefers(bright_slow, dark_fast) > 0.8
    assert found.prefers(bright_slow, dark_fast) == pytest.approx(1 - found.prefers(dark_fast, bright_slow))
    assert abs(found.prefers({"loud": 2.0}, {"loud": -2.0}) - 0.5) < 0.2  # that says nothing to this person


def test_pairs_are_what_was_graded_apart_and_what_was_chosen() -> None:
    judged = [take(1, 3.0), take(2, 2.5), take(3, 0.0)]
    keys = [(one.key, other.key) for one, other in pairs_of(judged, [("002", "001"), ("009", "001")])]
    assert keys == [("001", "003"), ("002", "003"), ("002", "001")]


@pytest.mark.parametrize("seed", range(4))
def test_it_counts_where_it_beats_the_score(seed: int) -> None:
    found = trial(person(seed, 60, {"bright": 1.0, "fast": -1.0}))
    assert found.taste > 0.75
    assert found.passed


def test_it_seldom_counts_for_somebody_without_a_taste() -> None:
    passed = [trial(person(seed, 40, {}, noise=1.0)).passed for seed in range(16)]
    assert sum(passed) <= 2


def test_it_does_not_count_where_the_score_knows_better() -> None:
    draw = random.Random(5)
    judged = [take(i, 3.0 * (i % 2), plain=0.2 + 0.6 * (i % 2), x=draw.gauss(0, 1)) for i in range(40)]
    found = trial(judged)
    assert found.plain == 1.0
    assert not found.passed


def test_a_few_verdicts_are_not_enough() -> None:
    assert not trial(person(1, taste.LEAST_TAKES - 1, {"bright": 3.0}, noise=0.0)).passed
    all_liked = [take(i, 3.0, x=float(i)) for i in range(30)]
    assert not trial(all_liked).passed
    assert not trial([]).passed


def test_features_are_what_was_measured_anyway() -> None:
    found = features(
        {"signal": 0.9, "taste": 0.8},
        {"bpm": 200.0, "keyscale": "A minor", "repeated": 0.25, "colour": [1.0, 2.0], "codes_varied": 0.5, "x": "ff"},
        -14.0,
    )
    assert found == {
        "signal": 0.9,
        "tempo heard": 1.0,
        "minor": 1.0,
        "repeated": 0.25,
        "colour 0": 1.0,
        "colour 1": 2.0,
        "loudness": -14.0,
        "codes_varied": 0.5,
    }
    assert features({"signal": math.nan}, {"bpm": 0, "keyscale": None, "colour": "red"}, None) == {}


def test_latents_and_codes_in_a_few_numbers() -> None:
    still, moving = np.zeros((4, 2), np.float32), np.array([[0, 0], [2, 2], [0, 0], [2, 2]], np.float32)
    assert statistics(still, None) == {"latent_spread": 0.0, "latent_movement": 0.0}
    assert statistics(moving, [5, 5, 7, 9]) == {"latent_spread": 1.0, "latent_movement": 2.0, "codes_varied": 0.75}
    assert statistics(still[:0], []) == {}
