"""Which takes are compared under which digit, and blind."""

from __future__ import annotations

import pytest

from acetui.hearing.compare import MOST, Choice, Comparison
from engine.errors import EngineError


def marked(*numbers: int) -> Comparison:
    compared = Comparison(shuffle=lambda each: each.reverse())
    for number in numbers:
        assert compared.toggle(number)
    return compared


def test_takes_have_digits_in_the_order_in_which_they_were_marked() -> None:
    compared = marked(41, 38, 45)
    assert compared.words() == "1 take 41, 2 take 38, 3 take 45"
    assert [compared.at(digit) for digit in (1, 2, 3)] == [41, 38, 45]
    assert not compared.toggle(38)
    assert compared.at(2) == 45
    assert compared.digit_of(45) == 2
    assert compared.digit_of(38) is None
    with pytest.raises(EngineError, match="There is no 3"):
        compared.at(3)
    with pytest.raises(EngineError, match="No takes are marked"):
        Comparison().at(1)
    with pytest.raises(EngineError, match="at most"):
        marked(*range(1, MOST + 2))


def test_blind_mixes_them_and_gives_the_order_back() -> None:
    compared = marked(41, 38, 45)
    compared.begin_blind()
    assert [compared.at(digit) for digit in (1, 2, 3)] == [45, 38, 41]
    with pytest.raises(EngineError, match="blind"):
        compared.toggle(7)
    assert compared.end_blind() == (45, 38, 41)
    assert not compared.blind
    assert compared.at(1) == 41
    with pytest.raises(EngineError, match="two takes"):
        marked(1).begin_blind()


def test_a_choice_tells_which_was_which() -> None:
    compared = marked(41, 38, 45)
    compared.begin_blind()
    choice = compared.choose(38)
    assert choice == Choice(38, 2, (45, 41), blind=True)
    assert choice.words() == "2 was take 38, better than 45 and 41."
    assert not compared.blind
    assert marked(1, 2).choose(2).words() == "2 was take 2, better than 1."
    for number in (7, None):
        with pytest.raises(EngineError, match="None of the takes"):
            marked(1, 2).choose(number)
