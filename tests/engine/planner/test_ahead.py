"""A draft ahead of a planner: the planner's own codes, to the last one, in fewer steps of it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.checkpoints import open_set, verify
from engine.models.loading import build, fill
from engine.models.planner_lm import PlannerLM
from engine.models.several import _masked, _one_by_one, read_on
from engine.models.steady import prepare
from engine.models.text import read_tokenizer
from engine.planner.ahead import AHEAD, Ahead
from engine.planner.decode import Asked, CodeRow, Decoder
from engine.planner.draws import Draws, Sampling
from engine.planner.vocabulary import Vocabulary, make_vocabulary

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
ASKED = Asked(prompt=((10, 20, 30, 40, 50), (60, 61)), unguided=((10, 11),), scale=2.0, sampling=Sampling(), count=14)


@pytest.fixture(scope="module")
def network(tiny_turbo: Path) -> PlannerLM:
    component = open_set(tiny_turbo).lm
    assert component is not None
    found = verify(component)
    made = build(lambda: PlannerLM(component.config, found["embed_tokens.weight"].shape[0]), CPU, torch.float32)
    fill(made, found)
    return made


@pytest.fixture(scope="module")
def vocabulary(tiny_turbo: Path) -> Vocabulary:
    component = open_set(tiny_turbo).lm
    assert component is not None
    assert component.tokenizer is not None
    return make_vocabulary(read_tokenizer(component.tokenizer), 1728)


@pytest.fixture(autouse=True)
def nothing_is_learnt() -> Iterator[None]:
    with torch.no_grad():
        yield


def near(network: PlannerLM, noise: float, seed: int = 1) -> PlannerLM:
    """The same network with other weights, as near as that."""
    other = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    for weight in other.parameters():
        weight += noise * weight.std().nan_to_num() * torch.randn(weight.shape, generator=generator)
    return other


def pair(network: PlannerLM, vocabulary: Vocabulary, noise: float) -> Ahead:
    large, draft = copy.deepcopy(network), near(network, noise)
    for each in (large, draft):
        prepare(each)
    return Ahead(Decoder(large, vocabulary), Decoder(draft, vocabulary))


def rows_of(seeds: range) -> list[CodeRow]:
    return [CodeRow(Draws(seed, 1, CPU)) for seed in seeds]


def told(rows: list[CodeRow]) -> list[tuple[list[int], float, bool]]:
    return [(row.codes, row.likelihood, row.ended) for row in rows]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale": 1.0},
        {"count": 1},
        {"count": 2},
        {"sampling": Sampling(1.2, 40, 0.0, 1.3)},
        {"sampling": Sampling(0.0)},
        {"count": None, "fewest": 3, "most": 12},
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.02, 2.0])
def test_codes_are_those_without_a_draft(
    network: PlannerLM, vocabulary: Vocabulary, noise: float, changes: dict[str, Any]
) -> None:
    """Bit for bit, with their likelihoods, whether the draft is the same, alike or of no use."""
    asked, ahead = replace(ASKED, **changes), pair(network, vocabulary, noise)
    alone, together = rows_of(range(3)), rows_of(range(3))
    list(ahead.large.codes(asked, alone))
    steps = list(ahead.codes(asked, together))
    assert told(together) == told(alone)
    assert steps == sorted(steps)
    if noise == 0.0:
        assert ahead.tally.share == (1.0 if ahead.tally.proposed else 0.0)


def test_rows_end_each_at_their_own_time(network: PlannerLM, vocabulary: Vocabulary) -> None:
    """Also where the end is what the draft proposes, rightly or wrongly."""
    likely = copy.deepcopy(network)
    codes = vocabulary.codes
    likely.head[vocabulary.end] = 2.0 * likely.head[codes[0] : codes[500]].mean(0) + 0.5 * likely.head[codes[7]]
    asked = replace(ASKED, count=None, fewest=2, most=40, sampling=Sampling(1.0, 0, 0.0))
    few = replace(vocabulary, codes=codes[:12])
    ahead = pair(likely, few, 0.3)
    alone, together = rows_of(range(8)), rows_of(range(8))
    list(ahead.large.codes(asked, alone))
    list(ahead.codes(asked, together))
    assert told(together) == told(alone)
    assert len({len(row.codes) for row in alone}) > 1
    assert any(row.ended for row in alone)


def test_a_good_draft_saves_steps(network: PlannerLM, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = pair(network, vocabulary, 0.0)
    looked = []
    check = ahead._check
    monkeypatch.setattr(ahead, "_check", lambda *args: looked.append(1) or check(*args))
    told = list(ahead.codes(replace(ASKED, count=1 + 3 * (AHEAD + 1)), rows_of(range(1))))
    assert len(looked) == 3
    assert len(told) == 1 + 3 * (AHEAD + 1)  # it may be stopped at every token, the draft's too
    assert (told[0], told[-1]) == (1, 1 + 3 * (AHEAD + 1))


def chances(decoder: Decoder, asked: Asked, codes: tuple[int, ...]) -> Tensor:
    """The distribution of the next code, worked out with the sampling's rules one by one, in doubles."""
    lanes = [lane.copies(1, lane.length + 9) for lane, _ in decoder.behind(asked)]
    hidden = torch.cat([last for _, last in decoder.behind(asked)])
    for code in codes:
        hidden = decoder.network.step(torch.tensor(decoder.tokens_of([code]) * len(lanes)), lanes)
    found = (decoder.code_logits(asked, hidden)[0].double() / asked.sampling.temperature).softmax(0)
    falling, order = found.sort(descending=True)
    kept = falling.cumsum(0) - falling <= asked.sampling.top_p
    return torch.zeros_like(found).scatter(0, order, falling * kept) / (falling * kept).sum()


def test_the_distribution_is_the_large_planners(network: PlannerLM, vocabulary: Vocabulary) -> None:
    """Every song of three codes from a vocabulary of three, enumerated, beside 400 seeds; the draft's is another."""
    asked = replace(ASKED, count=3, sampling=Sampling(2.5, 0, 0.95), scale=1.5)
    ahead = pair(network, replace(vocabulary, codes=vocabulary.codes[:3]), 0.6)
    ahead.ahead = 2  # so that every proposal may be taken
    rows = rows_of(range(400))
    list(ahead.codes(asked, rows))
    seen = Counter(tuple(row.codes) for row in rows)

    def chi(decoder: Decoder) -> tuple[float, int]:
        behind = {codes: chances(decoder, asked, codes) for n in range(3) for codes in product(range(3), repeat=n)}
        songs = {
            song: float(behind[()][song[0]] * behind[song[:1]][song[1]] * behind[song[:2]][song[2]])
            for song in product(range(3), repeat=3)
        }
        assert sum(songs.values()) == pytest.approx(1.0)
        expected = {song: 400 * share for song, share in songs.items() if share}
        surprises = 1e9 * sum(count for song, count in seen.items() if song not in expected)
        return surprises + sum((seen[song] - n) ** 2 / n for song, n in expected.items()), len(expected) - 1

    (value, freedom), (other, _) = chi(ahead.large), chi(ahead.draft)
    assert freedom >= 8
    assert value < freedom + 4.0 * (2 * freedom) ** 0.5  # passed once in ten thousand
    assert other > 4 * value + 100
    assert 0.1 < ahead.tally.share < 0.95


def test_several_tokens_at_once_are_single_steps(network: PlannerLM) -> None:
    prepare(network := copy.deepcopy(network))
    shared = network.lane(1, 9)
    network.read(torch.arange(9), shared)
    one, many = shared.copies(2, 20), shared.copies(2, 20)
    tokens = torch.tensor([[100, 101, 102], [200, 201, 202]])
    steps = torch.stack([network.step(tokens[:, n], [one]) for n in range(3)], dim=1)
    read_on(network, tokens[:, :1].flatten(), [many], [0, 1], [[0], [0]])
    read_on(network, torch.tensor([5, 6]), [many], [0, 1], [[1], [1]])  # which turn out to be wrong
    found = read_on(network, tokens[:, 1:].flatten(), [many], [0, 1], [[1, 2], [1, 2]])
    assert torch.equal(found.view(2, 2, -1), steps[:, 1:])
    only = read_on(network, tokens[1], [many], [1], [[0, 1, 2]])
    assert torch.equal(only[0], steps[1])


def test_attention_in_one_call_is_that_of_each_token() -> None:
    """What a card computes, against what a processor does."""
    generator = torch.Generator().manual_seed(3)
    q = torch.randn(6, 4, 16, generator=generator)
    keys, values = (torch.randn(5, 2, 12, 16, generator=generator) for _ in range(2))
    cells = [(row, place + n) for row, place in ((4, 3), (0, 7), (2, 9)) for n in range(2)]
    one, masked = (look(q, keys, values, cells, 3) for look in (_one_by_one, _masked))
    assert (one - masked).abs().max() < 1e-5
