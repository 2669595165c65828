"""The overall of a take, its ties and its pool, against small cases that were worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scoring.pooling import Scale
from engine.scoring.ranking import (
    WEIGHTS,
    Overall,
    are_ties,
    family,
    kind_of,
    overall,
    standing,
    weights_of,
)

SUNG = {"lyrics": "[Verse]\nneon rivers run"}
PLAYED = {"lyrics": "[Instrumental]"}
ALL = {"lyric_alignment": 0.5, "semantic": 0.8, "tempo": 1.0, "key": 0.5, "signal": 0.9}


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (SUNG, "vocal"),
        (PLAYED, "instrumental"),
        ({"lyrics": ""}, "instrumental"),
        ({"lyrics": None}, "instrumental"),
        ({}, "instrumental"),
        ({"lyrics": "[Intro - soft]\n\n[Outro]"}, "instrumental"),
        ({"lyrics": "la la", "instrumental": True}, "instrumental"),
        ({"lyrics": "la [not a tag"}, "vocal"),
    ],
)
def test_takes_are_sung_or_played(request_: dict[str, object], kind: str) -> None:
    assert kind_of(request_) == kind


def test_the_formula_of_a_vocal_take() -> None:
    # .35 x .5 + .35 x .8 + .15 x (1 + .5) / 2 + .15 x .9 = .175 + .28 + .1125 + .135 = .7025: the step .70
    found = overall(ALL, SUNG)
    assert found.score == 0.70
    assert found.present == pytest.approx(1)
    assert [(part.name, part.weight, part.value) for part in found.parts] == [
        ("lyric_alignment", 0.35, 0.5),
        ("semantic", 0.35, 0.8),
        ("tempo_key", 0.15, 0.75),
        ("signal", 0.15, 0.9),
    ]


def test_the_formula_of_an_instrumental_take() -> None:
    # .5 x .8 + .25 x .75 + .25 x .9 = .8125: the step .82
    assert overall(ALL, PLAYED).score == pytest.approx(0.82)


def test_what_is_missing_is_shown_and_the_rest_is_averaged() -> None:
    found = overall({"tempo": 1.0, "signal": 0.8}, PLAYED)
    assert found.score == 0.90  # (.25 x 1 + .25 x .8) / .5
    assert found.present == pytest.approx(0.5)
    assert [part.name for part in found.parts if part.value is None] == ["semantic"]


def test_with_less_than_half_of_the_weights_there_is_none() -> None:
    assert overall({"signal": 1.0}, PLAYED).score is None
    assert overall({"tempo": 1.0, "key": 1.0, "signal": 1.0}, SUNG).score is None  # .3 of it
    assert overall({"semantic": 0.6, "signal": 0.6}, SUNG).score == 0.60  # just .5 of it
    assert overall({}, PLAYED).score is None


def test_a_persons_weights_count_where_the_kind_has_the_part() -> None:
    own = {"lyric_alignment": None, "semantic": 0.0, "tempo_key": 1.0, "signal": None}
    assert weights_of("instrumental", own) == {"tempo_key": 1.0, "signal": 0.25}
    found = overall({"tempo": 0.5, "signal": 1.0}, PLAYED, own)
    assert found.score == 0.60  # (.5 + .25) / 1.25
    assert overall(ALL, PLAYED, dict.fromkeys(WEIGHTS["vocal"], 0.0)).score is None


def test_near_overalls_are_ties() -> None:
    assert are_ties(0.70, 0.705)
    assert not are_ties(0.70, 0.72)
    assert are_ties(None, None)
    assert not are_ties(0.0, None)


@given(st.dictionaries(st.sampled_from(["lyric_alignment", "semantic", "tempo", "key", "signal"]), st.floats(0, 1)))
def test_an_overall_lies_within_its_parts(measures: dict[str, float]) -> None:
    for request_ in (SUNG, PLAYED):
        found = overall(measures, request_)
        there = [part.value for part in found.parts if part.value is not None]
        if found.score is not None:
            assert min(there) - 0.0101 <= found.score <= max(there) + 0.0101
            assert found.score * 50 == pytest.approx(round(found.score * 50))


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(sorted(ALL)))
def test_no_part_that_rises_makes_it_worse(low: float, high: float, name: str) -> None:
    low, high = sorted((low, high))
    worse, better = (overall({**ALL, name: value}, SUNG).score for value in (low, high))
    assert worse is not None
    assert better is not None
    assert worse <= better


def test_values_that_are_no_numbers_are_missing_and_others_are_held() -> None:
    assert overall({**ALL, "semantic": math.nan}, PLAYED).parts[0].value is None
    assert overall({**ALL, "semantic": 7.0}, PLAYED).parts[0].value == 1.0


def test_a_family_is_what_was_asked_for_and_not_how_often() -> None:
    asked = {"caption": "jazz", "lyrics": "", "seed": 1, "duration": 20.0}
    same = {**asked, "seed": 2, "inference_steps": 4, "duration": 60.0}
    assert family(asked, {"profile": "turbo"}) == family(same, {"profile": "turbo", "threads": 3})
    assert family(asked, {"profile": "turbo"}) != family(asked, {"profile": "nano-turbo"})
    assert family(asked, {}) != family({**asked, "caption": "rock"}, {})


def take(tempo: float, signal: float) -> Overall:
    return overall({"tempo": tempo, "signal": signal}, PLAYED)


def test_where_a_take_stands_in_its_pool() -> None:
    others = [take(0.0, 0.5), take(0.5, 0.5), *[take(0.5, 1.0)] * 2, *[take(1.0, 1.0)] * 4]
    found = standing(take(0.5, 1.0), others)
    assert found is not None
    assert (found.pool, found.place, found.ties) == (9, 5, 2)
    # tempo .5: above one, level with three of eight; signal 1: above two, level with six
    assert found.above == {"semantic": None, "tempo_key": 0.312, "signal": 0.625}
    few = standing(take(0.5, 1.0), others[:3])
    assert few is not None
    assert few.above["signal"] is None
    assert standing(overall({}, PLAYED), others) is None


def test_a_part_that_is_held_against_its_pool_counts_as_it_lies_there() -> None:
    # 8 takes know half: .5 x .7 + .5 / (1 + e^-2) = .35 + .4404 = .7904, and (.5 x .7904 + .25 + .25) / 1 = .8952
    found = overall({"semantic": 0.7, "tempo": 1.0, "signal": 1.0}, PLAYED, {}, {"semantic": Scale(0.6, 0.05, 8)})
    assert found.score == 0.90
    part = found.parts[0]
    assert (part.value, part.raw) == (0.7904, 0.7)
    assert part.object()["pool"] == {"middle": 0.6, "spread": 0.05, "takes": 8}
    assert found.parts[1].object() == {"name": "tempo_key", "weight": 0.25, "value": 1.0, "raw": 1.0, "pool": None}
