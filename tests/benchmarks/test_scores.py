"""The experiment of the ranking and the benchmark of alignment at tiny sizes: that they run, and what they show."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import ranking, warping
from benchmarks.table import show


def test_tau_by_hand() -> None:
    assert ranking.tau([0.9, 0.5, 0.1], [0, 1, 2]) == 1.0
    assert ranking.tau([0.1, 0.5, 0.9], [0, 1, 2]) == -1.0
    # of three pairs two are told apart by us, both rightly, and three in truth: 2 / sqrt(2 x 3)
    assert ranking.tau([0.9, 0.5, 0.5], [0, 1, 2]) == pytest.approx(2 / math.sqrt(6))
    assert ranking.tau([0.5, 0.5], [0, 1]) == 0.0


def test_a_pool_is_ranked_as_its_faults_were_made() -> None:
    order, first, trap, together = ranking.run(ranking.Sizes.quick())
    worth = {row.what: row.ours for area in (order, first) for row in area.rows}
    assert worth["overall, gate first"] > 0.5
    assert worth["overall, ties by number"] == 100
    assert trap.rows[0].ours == 0
    assert all(row.what in show(area) for area in (order, first, trap, together) for row in area.rows)


def test_a_part_of_another_level_in_every_pool_is_better_compared_within_them() -> None:
    song = ranking.judge(np.zeros((2, 9600), np.float32) + np.float32(0.1), ranking.RATE)
    found = ranking.Judgement((), {"tempo": 1.0, "signal": 1.0}, {}, song.overall)
    pools = [[ranking.Take(0, found)] * 16 for _ in range(12)]
    placed, plain = (row.ours for row in ranking._together(pools).rows)
    assert placed is not None
    assert plain is not None
    assert placed > plain > 0


def test_alignment_is_timed() -> None:
    (area,) = warping.run(warping.Sizes.quick())
    assert [row.what for row in area.rows] == ["float32", "float64"]
    assert all(row.ours is not None and row.ours > 0 and row.target is not None for row in area.rows)
