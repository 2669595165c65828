"""The dice: every example can be rendered, is in good order, and none comes twice in a row."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from acetui.lyrics.lyric_checks import Words, findings
from acetui.lyrics.lyric_text import formatted, lines_of
from acetui.lyrics.syllables import syllables
from acetui.recipe.examples import FIELDS, Dice, examples
from engine.request import Request
from engine.values import INSTRUMENTAL
from sessions.settings import Recipe

ALL = examples()


def test_there_are_many_of_many_kinds() -> None:
    assert len(ALL) >= 40
    assert len({each["caption"] for each in ALL}) == len(ALL)
    assert len({each.get("vocal_language") for each in ALL}) >= 12
    assert len({each.get("timesignature") for each in ALL}) >= 4
    assert len({each.get("keyscale") for each in ALL}) >= 15
    assert sum(each["lyrics"] == INSTRUMENTAL for each in ALL) >= 10


@pytest.mark.parametrize("example", ALL, ids=lambda each: each["caption"][:20])
def test_every_example_is_in_good_order(example: Any) -> None:
    assert {*example} <= {*FIELDS}
    recipe = Recipe.from_dict(dict(example))
    request = recipe.draw(random.Random(0))
    assert isinstance(request, Request)
    assert request.caption == example["caption"]
    assert formatted(example["lyrics"]) == example["lyrics"]
    language = example.get("vocal_language", "unknown")
    words = Words(request.caption, request.lyrics, request.bpm, request.keyscale, False, language, 1, 1)
    assert findings(words) == []
    counts = [syllables(line, language) for line in lines_of(example["lyrics"])]
    assert all(count is None or count <= 12 for count in counts), counts


@pytest.mark.parametrize("example", examples(sketch=True), ids=lambda each: each["caption"][:20])
def test_sketches_suit_the_model_in_the_box(example: Any) -> None:
    assert 10 <= example["duration"] <= 30
    assert example["caption"].isascii()
    assert 60 <= example["bpm"] <= 180
    assert all(not line or line.startswith("[") for line in example["lyrics"].split("\n"))


def test_none_comes_twice_before_all_have_come() -> None:
    for sketch in (False, True):
        dice = Dice(random.Random(5))
        count = len(examples(sketch=sketch))
        drawn = [dice.roll(sketch=sketch)["caption"] for _ in range(3 * count)]
        assert set(Counter(drawn[:count]).values()) == {1}
        assert all(a != b for a, b in pairwise(drawn))


def test_the_two_kinds_may_be_mixed() -> None:
    dice, rng = Dice(random.Random(3)), random.Random(4)
    drawn = [dice.roll(sketch=rng.random() < 0.5)["caption"] for _ in range(400)]
    assert all(a != b for a, b in pairwise(drawn))


def test_the_order_can_be_had_again() -> None:
    first, second = Dice(random.Random(1)), Dice(random.Random(1))
    assert [first.roll() for _ in range(9)] == [second.roll() for _ in range(9)]


def test_a_roll_takes_back_what_the_last_one_set() -> None:
    assert all(set(Dice(random.Random(seed)).roll()) == set(FIELDS) for seed in range(9))
