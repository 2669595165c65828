"""Parts held against their pool: the formula on small cases, what it must never do, and how seldom a scale moves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scoring.pooling import FIRST, LEAST_SPREAD, MOST, Scale, learned_from, relative, scale_of, scales_of

SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("takes", "learned"), [(0, 0), (7, 0), (8, 8), (15, 8), (16, 16), (31, 16), (511, 256), (512, 512), (90_000, 512)]
)
def test_a_scale_is_learnt_from_the_first_takes(takes: int, learned: int) -> None:
    assert learned_from(takes) == learned


def test_it_moves_seven_times_at_most() -> None:
    values = [(7 * number % 11) / 11 for number in range(1000)]
    scales = [scale_of(values[:count]) for count in range(1000)]
    moved = [count for count in range(1, 1000) if scales[count] != scales[count - 1]]
    assert moved == [8, 16, 32, 64, 128, 256, 512]


def test_middle_and_spread_of_a_small_case() -> None:
    # median (.4 + .5) / 2; away from it .35 .25 .05 .05 .05 .05 .15 .45: 1.4 / 8
    found = scale_of([0.1, 0.2, 0.4, 0.4, 0.5, 0.5, 0.6, 0.9])
    assert found is not None
    assert found.middle == pytest.approx(0.45)
    assert found.spread == pytest.approx(0.175)
    assert found.trust == 0.5
    assert found.placed(0.45) == pytest.approx(0.475)  # half of itself, half of the middle's .5
    assert found.placed(0.625) == pytest.approx(0.5 * 0.625 + 0.5 / (1 + math.exp(-1)))


def test_takes_that_are_alike_are_not_blown_apart() -> None:
    found = scale_of([0.70, 0.701] * 256)
    assert found is not None
    assert found.spread == LEAST_SPREAD
    assert found.placed(0.701) - found.placed(0.70) < 0.003  # two and a half times as far at most


def test_too_few_say_nothing() -> None:
    assert scale_of([0.1] * (FIRST - 1)) is None
    assert scales_of([{"semantic": 0.5}] * (FIRST - 1)) == {}


def test_each_part_has_the_scale_of_those_that_have_it() -> None:
    pool = [{"semantic": 0.5, "tempo": 1.0, "signal": 0.9, "taste": 0.2}] * 8 + [{"songlike": 0.3}] * 7
    assert {name: scale.takes for name, scale in scales_of(pool).items()} == {"semantic": 8}


def test_tempo_key_sound_and_taste_have_scales_of_their_own() -> None:
    assert relative({"tempo": 0.5, "key": 1.0, "signal": 1.0, "taste": 0.5}) == {}
    assert relative({"semantic": 1.2, "other": 0.4, "lyric_alignment": math.nan}) == {"semantic": 1.0, "other": 0.4}


@given(st.builds(Scale, SHARES, st.floats(LEAST_SPREAD, 1), st.sampled_from([8, 16, MOST])), SHARES, SHARES)
def test_more_stays_more_and_within_a_share(scale: Scale, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= scale.placed(low) <= scale.placed(high) <= 1
