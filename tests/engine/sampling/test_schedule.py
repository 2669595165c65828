"""Timesteps: the published tables, the formula between them, a person's own times."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sampling.schedule import custom, schedule
from engine.values import TURBO_TIMESTEPS

TURBO_TABLES = {
    1: [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125],
    2: [
        1,
        0.9333333333333333,
        0.8571428571428571,
        0.7692307692307693,
        0.6666666666666666,
        0.5454545454545454,
        0.4,
        0.2222222222222222,
    ],
    3: [1, 0.9545454545454546, 0.9, 0.8333333333333334, 0.75, 0.6428571428571429, 0.5, 0.3],
}
"""Eight steps, as published (facts: dit.md 12)."""


@pytest.mark.parametrize("shift", TURBO_TABLES)
def test_eight_turbo_steps_are_the_published_ones(shift: int) -> None:
    assert schedule(8, shift) == pytest.approx([*TURBO_TABLES[shift], 0.0], abs=1e-15)


def test_the_times_that_turbo_was_distilled_at_are_those_of_the_tables() -> None:
    assert len(TURBO_TIMESTEPS) == 20
    assert list(TURBO_TIMESTEPS) == sorted(TURBO_TIMESTEPS, reverse=True)
    published = sorted({t for table in TURBO_TABLES.values() for t in table}, reverse=True)
    assert list(TURBO_TIMESTEPS) == pytest.approx(published, abs=1e-15)


@given(steps=st.integers(1, 200), shift=st.floats(1, 5))
def test_any_schedule_falls_from_noise_to_clean(steps: int, shift: float) -> None:
    times = schedule(steps, shift)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (1.0, 0.0)
    assert all(earlier > later for earlier, later in pairwise(times))


@given(steps=st.integers(1, 200))
def test_shift_one_is_even(steps: int) -> None:
    assert schedule(steps, 1) == pytest.approx([1 - i / steps for i in range(steps)] + [0.0])


@given(steps=st.integers(2, 200), low=st.floats(1, 5), high=st.floats(1, 5))
def test_a_higher_shift_never_comes_earlier(steps: int, low: float, high: float) -> None:
    """It spends more of its steps at the noisy end."""
    low, high = sorted((low, high))
    assert all(a <= b + 1e-12 for a, b in zip(schedule(steps, low), schedule(steps, high), strict=True))


def test_times_are_python_floats() -> None:
    """Rounding to the model's dtype is the model's affair: 1000 t reaches its sinusoids in float32."""
    assert all(type(t) is float for t in [*schedule(8, 3), *custom((1, 0.5), snap=True), *custom((1.0,), snap=False)])


def test_custom_times_are_taken_as_they_are_and_end_at_zero() -> None:
    assert custom((1.0, 0.61, 0.2), snap=False) == [1.0, 0.61, 0.2, 0.0]


def test_custom_times_may_start_below_one() -> None:
    assert custom((0.8,), snap=False) == [0.8, 0.0]


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ((1.0, 0.9, 0.5), [1.0, 0.9, 0.5, 0.0]),
        ((0.99, 0.95, 0.31, 0.13), [1.0, 0.9545454545454546, 0.3, 0.125, 0.0]),
        ((0.01,), [0.125, 0.0]),
        ((0.755, 0.752, 0.75, 0.74), [0.75, 0.0]),
    ],
    ids=["known times stay", "others move to the nearest", "there is a lowest", "what falls together is one step"],
)
def test_custom_times_snap_on_turbo(asked: tuple[float, ...], taken: list[float]) -> None:
    assert custom(asked, snap=True) == pytest.approx(taken, abs=1e-15)


@given(st.lists(st.floats(1e-3, 1), min_size=1, max_size=20, unique=True))
def test_snapped_times_are_the_nearest_known_ones(wanted: list[float]) -> None:
    times = custom(sorted(wanted, reverse=True), snap=True)
    assert times == sorted(set(times), reverse=True)
    assert set(times[:-1]) <= set(TURBO_TIMESTEPS)
    for t in wanted:
        nearest = min(abs(known - t) for known in TURBO_TIMESTEPS)
        assert any(abs(taken - t) == nearest for taken in times[:-1])
