"""What is set for a repaint, a cover and an extension: places, choices, words, and what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetui.recipe.remaking import END, ENTRIES, FRAME, SECONDS, SHORTEST_REGION, SIDE, START, TAKES, Remaking
from engine.errors import InvalidRequest
from sessions import derived
from tests.acetui.scripted_studio import take


def remaking(operation: str = "repaint", **options: Any) -> Remaking:
    return Remaking(operation, take(47, duration=60.0), **options)


def test_everything_that_is_sent_is_known_to_the_studio() -> None:
    for operation, names in ENTRIES.items():
        own = {TAKES, *((SECONDS, SIDE) if operation == "extend" else ())}
        assert set(names) - own <= set(derived.FIELDS_OF[operation])


def test_a_region_begins_where_one_listens() -> None:
    assert remaking(second=12.5).region == (12.5, 22.5)
    assert remaking(second=58).region == (50, 60)
    assert remaking(around=(3.0, 9.0)).region == (3.0, 9.0)
    assert Remaking("repaint", take(1, duration=4.0)).region == (0.0, 4.0)
    assert remaking("cover").region is None


def test_places_move_by_a_beat_a_second_and_a_frame() -> None:
    made = remaking(around=(10.0, 20.0))
    made.turn(START, 1)
    assert made.region == (10.625, 20.0)  # 96 beats a minute
    made.turn(START, -1, far=True)
    assert made.region == (9.625, 20.0)
    made.turn(END, 1, fine=True)
    assert made.region == (9.625, 20.0 + FRAME)
    assert [(entry.label, entry.value) for entry in made.entries()[:2]] == [("from", "0:09.62"), ("to", "0:20.04")]


@given(
    st.lists(
        st.tuples(st.sampled_from((START, END)), st.sampled_from((1, -1)), st.booleans() | st.floats(-700, 700)),
        max_size=30,
    )
)
def test_a_region_is_always_within_the_take(moves: list[tuple[str, int, bool | float]]) -> None:
    made = remaking()
    for name, direction, how in moves:
        if isinstance(how, bool):
            made.turn(name, direction, far=how)
        else:
            made.place(name, how)
        start, end = made.region or (0, 0)
        assert 0 <= start < end <= 60
        assert end - start >= SHORTEST_REGION - 1e-6


def test_what_is_typed_is_read_and_nothing_takes_it_back() -> None:
    made = remaking(around=(0.0, 20.0))
    made.type(START, "0:05.5")
    made.type(END, "1:00")
    made.type("repaint_mode", "aggressive")
    made.type("caption", "a choir")
    made.type(TAKES, "3")
    body = {START: 5.5, END: 60.0, "repaint_mode": "aggressive", "caption": "a choir", TAKES: 3}
    assert made.body() == body
    assert made.concern() == ""
    for name in ("caption", "repaint_mode", TAKES, START):
        made.type(name, "")
    assert made.body() == {START: 5.5, END: 60.0, TAKES: 2}


@pytest.mark.parametrize("operation", list(ENTRIES))
def test_every_row_opens_with_what_it_holds_and_keeps_it_where_nothing_is_changed(operation: str) -> None:
    made = remaking(operation)

    def held() -> list[tuple[str, str]]:
        return [(entry.name, entry.value) for entry in made.entries()]

    for name in ENTRIES[operation]:
        for direction in (0, 1, 1):
            if direction:
                made.turn(name, direction)
            before = held()
            made.type(name, made.text(name))
            assert held() == before, name


def test_the_words_of_the_take_are_not_sent_again() -> None:
    made = remaking("cover")
    assert made.text("caption") == "melancholic synthwave, airy pads"
    made.type("caption", "melancholic synthwave, airy pads")
    assert made.body() == {TAKES: 2, "task_type": "cover"}


def test_a_sketch_is_covered_by_what_it_sounds_like_unless_somebody_chooses() -> None:
    made = remaking("cover")
    sketch = Remaking("cover", {**made.take, "identity": {"profile": "nano-turbo"}})
    assert sketch.body()["task_type"] == "cover-nofsq"
    sketch.turn("task_type", 1)
    assert sketch.body()["task_type"] == "cover"


@pytest.mark.parametrize(
    ("name", "text"), [(TAKES, "0"), (TAKES, "many"), (SIDE, "above"), (START, "soon"), ("repaint_strength", "2")]
)
def test_what_makes_no_sense_is_refused_in_a_sentence(name: str, text: str) -> None:
    made = remaking("extend" if name == SIDE else "repaint")
    with pytest.raises(InvalidRequest):
        made.type(name, text)


def test_choices_go_round_and_numbers_stop() -> None:
    made = remaking("extend")
    made.turn(SIDE, 1)
    assert made.given[SIDE] == "before"
    made.turn(SIDE, 1)
    assert made.given[SIDE] == "after"
    made.turn(SECONDS, -1, far=True)
    assert made.given[SECONDS] == 20
    for _ in range(20):
        made.turn(TAKES, 1)
    assert made.given[TAKES] == 8
    made.turn("caption", 1)
    assert "caption" not in made.given


def test_a_region_that_nobody_has_trained_is_told_of() -> None:
    assert "3 to 90 s" in remaking(around=(0.0, 1.0)).concern()
    assert remaking("cover").concern() == ""
