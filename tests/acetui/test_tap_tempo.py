"""A tempo from taps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acetui.recipe.tap_tempo import PAUSE_SECONDS, TapTempo
from engine.values import BPM


def tapped(*times: float) -> int | None:
    tempo = TapTempo()
    bpm = None
    for time in times:
        bpm = tempo.tap(time)
    return bpm


def test_tempo() -> None:
    assert tapped() is None
    assert tapped(5.0) is None
    assert tapped(5.0, 5.5) == 120
    assert tapped(0.0, 0.5, 1.0, 1.5, 2.6, 3.1, 3.6) == 120  # one slip
    assert tapped(0.0, 2.0) == 30
    assert tapped(0.0, 0.01) == 300


def test_a_pause_begins_anew() -> None:
    assert tapped(0.0, 0.5, 1.0, 1.0 + PAUSE_SECONDS + 0.01) is None
    assert tapped(0.0, 0.5, 9.0, 9.6, 10.2) == 100
    tempo = TapTempo()
    tempo.tap(0.0)
    tempo.tap(0.5)
    assert tempo.taps == 2
    tempo.reset()
    assert (tempo.taps, tempo.bpm) == (0, None)


def test_a_change_of_mind_is_followed() -> None:
    slow = [beat * 1.0 for beat in range(20)]
    quick = [19 + beat * 0.5 for beat in range(1, 9)]
    assert tapped(*slow, *quick) == 120


@given(st.lists(st.floats(0, 5), max_size=30))
def test_every_tempo_can_be_asked_for(gaps: list[float]) -> None:
    tempo, now = TapTempo(), 0.0
    for gap in gaps:
        now += gap
        bpm = tempo.tap(now)
        assert bpm is None or BPM[0] <= bpm <= BPM[1]
