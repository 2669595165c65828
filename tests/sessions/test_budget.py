"""When the loop ends and when it waits, as rules over numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.budget import SMALLEST_FLOOR, Standing, finished, room, waiting
from sessions.settings import LoopSettings

PLENTY = 10**12


@pytest.mark.parametrize(
    ("loop", "now", "words"),
    [
        ({}, {"made": 10**6, "seconds": 10.0**9, "best": 1.0}, ""),
        ({"takes": 5}, {"made": 4, "planned": 1}, ""),
        ({"takes": 5}, {"made": 5}, "5 takes are made"),
        ({"minutes": 2}, {"seconds": 119.9}, ""),
        ({"minutes": 2}, {"seconds": 120.0}, "2 minutes are over"),
        ({"until_score": 0.8}, {"best": None}, ""),
        ({"until_score": 0.8}, {"best": 0.79}, ""),
        ({"until_score": 0.8}, {"best": 0.8}, "0.80"),
    ],
)
def test_what_ends_a_run(loop: dict[str, float], now: dict[str, float], words: str) -> None:
    reason = finished(LoopSettings(**loop), Standing(**now))
    assert bool(reason) == bool(words)
    assert words in reason


@pytest.mark.parametrize(
    ("loop", "now", "words"),
    [
        ({}, {"free": PLENTY}, ""),
        ({}, {"free": None}, ""),
        ({}, {"free": 2 * 10**9 - 1}, "the floor is 2 GB"),
        ({"free_space_floor_gb": 0}, {"free": SMALLEST_FLOOR - 1}, "left"),
        ({"free_space_floor_gb": 0}, {"free": SMALLEST_FLOOR}, ""),
        ({}, {"free": PLENTY, "unheard": 49}, ""),
        ({}, {"free": PLENTY, "unheard": 50}, "50 takes are unheard"),
        ({}, {"free": PLENTY, "unheard": 48, "planned": 2}, "48 takes are unheard"),
        ({"unheard_ceiling": 0}, {"unheard": 10**6}, ""),
        ({"headless": True}, {"unheard": 10**6}, ""),
        ({"quota_gb": 1}, {"used": 10**9 - 1}, ""),
        ({"quota_gb": 1}, {"used": 10**9}, "quota of 1 GB"),
    ],
)
def test_what_makes_it_wait(loop: dict[str, float], now: dict[str, int], words: str) -> None:
    reason = waiting(LoopSettings(**loop), Standing(**now))  # type: ignore[arg-type]
    assert bool(reason) == bool(words)
    assert words in reason


@given(st.none() | st.integers(1, 30), st.integers(0, 30), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_there_is_never_room_for_more_than_is_wanted(
    takes: int | None, ceiling: int, made: int, planned: int, unheard: int
) -> None:
    loop, now = (
        LoopSettings(takes=takes, unheard_ceiling=ceiling),
        Standing(made=made, planned=planned, unheard=unheard),
    )
    free = room(loop, now)
    assert free >= 0
    if takes is not None:
        assert free == 0 or made + planned + free <= takes
    if ceiling:
        assert free == 0 or unheard + planned + free <= ceiling
    if takes is None and not ceiling:
        assert free > 1000
