"""The formulas of the semantic score against cases worked out by hand."""

from __future__ import annotations

import math

import pytest

from engine.scoring import semantic


def test_pmi_is_the_difference_of_two_means() -> None:
    # -(.5 + 1.5) / 2 + (2 + 2) / 2 = -1 + 2
    assert semantic.pmi([-0.5, -1.5], [-2.0, -2.0]) == pytest.approx(1.0)
    assert semantic.pmi([], []) is None
    assert semantic.pmi([-1.0], [-1.0, -2.0]) is None
    assert semantic.pmi([-math.inf], [-1.0]) is None


def test_a_pmi_of_nothing_is_a_half() -> None:
    assert semantic.of_pmi(0.0) == 0.5
    assert semantic.of_pmi(1.0, 0.5) == pytest.approx(1 / (1 + math.exp(-2)))
    assert semantic.of_pmi(0.1, 0.1) == pytest.approx(0.7310585786)
    assert semantic.of_pmi(-1e9) == pytest.approx(0, abs=1e-300)
    assert semantic.of_pmi(1e9) == 1.0


def test_recall_counts_by_rank() -> None:
    assert semantic.recall([0, 1, 9, 10]) == pytest.approx((1.0 + 0.9 + 0.1 + 0.0) / 4)
    assert semantic.recall([]) is None
    assert semantic.recall([1], top=2) == 0.5


def test_the_reward_is_the_mean_of_what_is_there() -> None:
    assert semantic.reward({"caption": 0.8, "lyrics": 0.6, "metadata": 0.5}) == pytest.approx(0.4 + 0.18 + 0.1)
    assert semantic.reward({"caption": 0.8, "lyrics": None, "metadata": 0.5}) == pytest.approx(0.5 / 0.7)
    assert semantic.reward({"caption": None}) is None
