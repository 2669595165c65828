"""Alignment and timestamps against rules written out cell by cell, and small cases that were worked out by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scoring import lyrics, timestamps
from engine.scoring.dtw import align


def by_the_rules(cost: npt.NDArray[np.floating]) -> list[tuple[int, int]]:
    """Every cell by itself: both strictly best, else a token strictly best, else a frame."""
    tokens, frames = cost.shape
    total = np.full((tokens + 1, frames + 1), np.inf, np.float32)
    total[0, 0] = 0
    back = np.zeros((tokens + 1, frames + 1), np.int8)
    for frame in range(1, frames + 1):
        for token in range(1, tokens + 1):
            both, up, left = total[token - 1, frame - 1], total[token - 1, frame], total[token, frame - 1]
            choice = 0 if both < up and both < left else 1 if up < both and up < left else 2
            total[token, frame] = cost[token - 1, frame - 1] + (both, up, left)[choice]
            back[token, frame] = choice
    token, frame, path = tokens, frames, []
    while token > 0 or frame > 0:
        path.append((token - 1, frame - 1))
        choice = 2 if token == 0 else 1 if frame == 0 else back[token, frame]
        token, frame = token - (choice != 2), frame - (choice != 1)
    return path[::-1]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 14), st.integers(1, 14), st.integers(0, 10**6), st.sampled_from([2, 3, 10**6]), st.booleans())
def test_every_step_is_the_one_of_the_rules(tokens: int, frames: int, seed: int, values: int, single: bool) -> None:
    """Few values make ties everywhere."""
    cost = -np.random.default_rng(seed).integers(0, values, (tokens, frames)) / values
    cost = cost.astype(np.float32 if single else np.float64)
    assert [(int(token), int(frame)) for token, frame in align(cost)] == by_the_rules(cost)


def test_on_a_tie_the_frame_goes_on_even_where_that_is_dearer() -> None:
    # At the last cell, going on by both and by a token cost 0 each, by a frame 1: a tie of two, so the third is taken.
    cost = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert align(cost).tolist() == [list(step) for step in by_the_rules(cost)]
    assert align(cost).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_nothing_aligns_to_nothing() -> None:
    assert align(np.empty((0, 4))).shape == (0, 2)
    assert align(np.empty((3, 0))).shape == (0, 2)


def test_a_wide_matrix_is_the_same_as_by_the_rules() -> None:
    cost = np.random.default_rng(0).random((40, 300))
    assert align(cost).tolist() == [list(step) for step in by_the_rules(cost)]


def diagonal(tokens: int, frames: int) -> npt.NDArray[np.float64]:
    """Each token sung for its share of the time, and nothing else."""
    energy = np.zeros((tokens, frames))
    for frame in range(frames):
        energy[frame * tokens // frames, frame] = 1.0
    return energy


def test_words_that_are_sung_in_order_score_one() -> None:
    found = lyrics.measure(diagonal(5, 40), np.ones(5, np.bool_))
    assert (found.coverage, found.monotonicity) == (1.0, 1.0)
    assert found.confidence == pytest.approx(40 / 44)  # ties: at each change of token the path takes one frame more
    assert found.score == 0.9091


def test_coverage_order_and_confidence_by_hand() -> None:
    energy = np.zeros((4, 60))
    energy[0, 40] = 1.0  # sung late
    energy[1, 10] = 0.5  # then early: goes back by 30 frames
    energy[2, 20] = 0.1  # too faint to count as sung, but it is after the one before
    energy[3, 30] = 0.005  # nothing
    found = lyrics.measure(energy, np.ones(4, np.bool_), np.array([[0, 40], [1, 40], [2, 50], [3, 59]]))
    assert found.coverage == 0.5
    assert found.monotonicity == 0.5  # of two pairs: 40 to 10 goes back, 10 to 20 does not; the last has no centre
    assert found.confidence == 0.25
    assert found.score == round(0.5**2 * 0.5**2 * 0.25, 4)


def test_a_token_may_come_nine_frames_early_and_no_more() -> None:
    for back, order in ((9, 1.0), (10, 0.0)):
        energy = np.zeros((2, 30))
        energy[0, 20], energy[1, 20 - back] = 1.0, 1.0
        assert lyrics.measure(energy, np.ones(2, np.bool_)).monotonicity == order


def test_tags_are_not_sung() -> None:
    texts = ["[", "Verse", "]", "\n", "neon", " rivers", "[Out", "ro]", " run"]
    assert lyrics.words_only(texts).tolist() == [False, False, False, True, True, True, False, False, True]
    found = lyrics.measure(diagonal(3, 30), np.zeros(3, np.bool_))
    assert (found.coverage, found.monotonicity) == (1.0, 1.0)


def test_energy_is_the_mean_of_the_heads_between_its_own_ends() -> None:
    attention = np.array([[[0.1, 0.3]], [[0.3, 0.7]]])
    np.testing.assert_allclose(lyrics.energy_of(attention), [[0.0, 1.0]])
    assert not lyrics.energy_of(np.full((2, 3, 4), 0.2)).any()


def test_words_in_another_order_score_less() -> None:
    energy = diagonal(8, 160)
    sung = np.ones(8, np.bool_)
    shuffled = energy[[3, 0, 6, 1, 7, 2, 5, 4]]
    half = energy.copy()
    half[4:] = 0
    right, wrong, missing = (lyrics.measure(each, sung).score for each in (energy, shuffled, half))
    assert right > 0.9
    assert wrong < 0.3
    assert missing < 0.5


def test_the_times_of_tokens_are_found() -> None:
    rng = np.random.default_rng(0)
    attention = 0.02 * rng.random((3, 4, 50)) + diagonal(4, 50)
    times = timestamps.token_times(attention, 4.0)
    np.testing.assert_allclose(times[:, 0], [0.0, 1.04, 2.0, 3.04], atol=0.17)
    assert (times[:, 1] >= times[:, 0]).all()
    assert (np.diff(times[:, 0]) >= 0).all()


def test_lines_end_with_their_newline_and_empty_ones_are_left_out() -> None:
    texts = ["[Verse]", "\n", "neon ", "rivers\n", "\n", "run"]
    times = np.array([[0, 1], [1, 1], [1.2344, 2], [2, 3.5], [3.5, 3.5], [3.5, 61.0]])
    found = timestamps.lines(texts, times)
    assert [(line.start, line.end, line.text) for line in found] == [
        (0.0, 1.0, "[Verse]"),
        (1.234, 3.5, "neon rivers"),
        (3.5, 61.0, "run"),
    ]


def test_what_is_sharpened_stands_out_of_row_and_column() -> None:
    raw = 0.05 + diagonal(5, 20)
    raw[2] = 0.4  # attended to all the time: that tells no time
    found = timestamps.sharpened(np.stack([raw, raw]))
    assert found.shape == (5, 20)
    assert [int(row.argmax()) // 4 for row in found[[0, 1, 3, 4]]] == [0, 1, 3, 4]
    assert found[2].max() < found[[0, 1, 3, 4]].max(axis=1).min()
