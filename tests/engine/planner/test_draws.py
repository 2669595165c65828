"""From logits to a token: the published order of rules, and draws that are an item's own."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.planner.draws import Draws, Races, Sampling, choose, choose_together, guided

CPU = torch.device("cpu")
PLAIN = Sampling(1.0, 0, 0.0)
pytestmark = pytest.mark.usefixtures("one_thread")


def numbers(count: int) -> Tensor:
    return torch.arange(count, dtype=torch.int32)


def logits(seed: int, count: int, scale: float = 2.0) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) * scale


def draw_many(values: Tensor, sampling: Sampling, count: int, seed: int = 5) -> list[int]:
    draws = Draws(seed, 0, CPU)
    return [choose(values, numbers(len(values)), sampling, draws, step) for step in range(count)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_tokens_come_as_often_as_they_should(temperature: float) -> None:
    """Chi-square over 8 tokens: 24.3 is passed once in a thousand."""
    values, count = logits(1, 8), 4000
    drawn = torch.bincount(torch.tensor(draw_many(values, Sampling(temperature, 0, 0.0), count)), minlength=8)
    expected = (values / temperature).softmax(0) * count
    assert float(((drawn - expected) ** 2 / expected).sum()) < 24.3


def test_neighbours_in_a_batch_are_independent() -> None:
    """Of two seeds, and of two steps of one seed, every pair of tokens comes about as often."""
    values, count = torch.zeros(4), 3000
    first, second = draw_many(values, PLAIN, count, 1), draw_many(values, PLAIN, count, 2)
    for other in (second, [*first[1:], first[0]]):
        pairs = torch.bincount(torch.tensor(first) * 4 + torch.tensor(other), minlength=16)
        assert float(((pairs - count / 16) ** 2 / (count / 16)).sum()) < 37.7


def test_a_draw_belongs_to_its_seed_and_step() -> None:
    values = torch.zeros(1000)
    assert draw_many(values, PLAIN, 20) == draw_many(values, PLAIN, 20)
    assert draw_many(values, PLAIN, 20) != draw_many(values, PLAIN, 20, seed=6)
    assert len(set(draw_many(values, PLAIN, 20))) > 15


def naive(values: Tensor, sampling: Sampling) -> set[int]:
    """What may be drawn, by the published rules, one after another."""
    scaled = values.double() / sampling.temperature
    order = scaled.argsort(descending=True).tolist()
    if 0 < sampling.top_k < len(order):
        order = [place for place in order if scaled[place] >= scaled[order[sampling.top_k - 1]]]
    chances = scaled[order].softmax(0).tolist()
    kept, total = set(), 0.0
    for place, chance in zip(order, chances, strict=True):
        if kept and 0 < sampling.top_p < 1 and total > sampling.top_p:
            break
        kept.add(place)
        total += chance
    return kept


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 999),
    st.sampled_from((0.3, 0.85, 2.0)),
    st.sampled_from((0, 1, 3, 10)),
    st.sampled_from((0.0, 0.05, 0.5, 0.9, 1.0)),
)
def test_only_what_the_rules_leave_is_drawn(seed: int, temperature: float, top_k: int, top_p: float) -> None:
    values, sampling = logits(seed, 12), Sampling(temperature, top_k, top_p)
    allowed = naive(values, sampling)
    drawn = set(draw_many(values, sampling, 80))
    assert drawn <= allowed


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.sampled_from((0.02, 0.3, 0.9, 0.999)), st.integers(1, 5))
def test_the_winner_is_that_among_all_who_are_kept(seed: int, share: float, levels: int) -> None:
    """As if everybody who is not kept were sent away before the race; also where many are level."""
    values = (logits(seed, 60) * levels).round() / levels
    draws, sampling = Draws(seed, 0, CPU), Sampling(1.0, 0, share)
    chances = values.softmax(-1)
    falling = chances.sort(descending=True).values.double()
    least = falling[falling.cumsum(0) - falling <= share][-1]
    for step in range(5):
        times = chances / draws.waits(step, numbers(60))
        expected = int(times.masked_fill(chances.double() < least, -1.0).argmax())
        assert choose(values, numbers(60), sampling, draws, step) == expected


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 999), st.sampled_from((0.0, 0.85, 2.0)), st.sampled_from((0, 3)), st.sampled_from((0.0, 0.3, 0.9))
)
def test_together_each_draws_what_it_draws_alone(seed: int, temperature: float, top_k: int, top_p: float) -> None:
    values, sampling = torch.stack([logits(seed + n, 60) for n in range(4)]), Sampling(temperature, top_k, top_p)
    draws = [Draws(seed + n, 0, CPU) for n in range(4)]
    races = Races(draws, CPU)
    for step in range(5):
        alone = [choose(row, numbers(60), sampling, each, step) for row, each in zip(values, draws, strict=True)]
        assert choose_together(values, numbers(60), sampling, races, step).tolist() == alone


def test_no_temperature_takes_the_likeliest() -> None:
    values = logits(3, 500)
    assert set(draw_many(values, Sampling(0.0, 5, 0.5), 10)) == {int(values.argmax())}


def test_what_was_drawn_before_becomes_less_likely() -> None:
    values = torch.tensor([2.0, 1.9, -1.0])
    sampling = Sampling(0.0, penalty=1.5)
    draws = Draws(1, 0, CPU)
    assert choose(values, numbers(3), sampling, draws, 0) == 0
    assert choose(values, numbers(3), sampling, draws, 0, torch.tensor([0, 0])) == 1
    assert values.tolist() == pytest.approx([2.0, 1.9, -1.0])
    below = torch.tensor([-1.0, -1.1])
    assert choose(below, numbers(2), sampling, draws, 0, torch.tensor([0])) == 1


def test_what_is_forbidden_is_never_drawn() -> None:
    values = logits(4, 300).masked_fill(torch.arange(300) % 7 > 0, -math.inf)
    for sampling in (PLAIN, Sampling(2.0, 0, 0.999), Sampling(0.85, 0, 0.9)):
        assert all(place % 7 == 0 for place in draw_many(values, sampling, 200))


def test_the_last_bits_of_a_logit_decide_almost_nothing() -> None:
    """As between batches of different sizes in half precision: the race is decided by more than rounding."""
    values = logits(5, 64000, 1.0)
    rough = values + 1e-6 * torch.randn(64000, generator=torch.Generator().manual_seed(1))
    sampling = Sampling()
    same = [a == b for a, b in zip(draw_many(values, sampling, 150), draw_many(rough, sampling, 150), strict=True)]
    assert sum(same) >= 149


def test_guidance() -> None:
    cond, uncond = logits(6, 9), logits(7, 9)
    assert guided(cond, uncond, 1.0) == pytest.approx(cond, abs=1e-6)
    assert torch.equal(guided(cond, uncond, 2.0), uncond + 2.0 * (cond - uncond))
