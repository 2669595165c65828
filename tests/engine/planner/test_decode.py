"""The loops: exact counts, codes that are a seed's own, prompts read once, and stopping at a token."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints import open_set, verify
from engine.models.loading import build, fill
from engine.models.planner_lm import PlannerLM
from engine.models.steady import prepare
from engine.planner.decode import Asked, CodeRow, Decoder, Rows
from engine.planner.draws import Draws, Sampling
from engine.planner.grammar import Grammar, Row
from engine.planner.reasoning import FIELDS, read
from engine.planner.vocabulary import encode, make_vocabulary
from tests.engine.planner.drive import tokenizer as text_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")

CODES = 1728
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def decoder(tiny_turbo: Path) -> Decoder:
    from engine.models.text import read_tokenizer

    component = open_set(tiny_turbo).lm
    assert component is not None
    assert component.tokenizer is not None
    found = verify(component)
    network = build(lambda: PlannerLM(component.config, found["embed_tokens.weight"].shape[0]), CPU, torch.float32)
    fill(network, found)
    prepare(network)
    return Decoder(network, make_vocabulary(read_tokenizer(component.tokenizer), CODES))


ASKED = Asked(prompt=((10, 20, 30, 40, 50), (60, 61)), unguided=((10, 11),), scale=2.0, sampling=Sampling(), count=12)


def write(decoder: Decoder, asked: Asked, seeds: range | list[int]) -> list[CodeRow]:
    rows = [CodeRow(Draws(seed, 1, CPU)) for seed in seeds]
    for _ in decoder.codes(asked, rows):
        pass
    return rows


@pytest.mark.parametrize("count", [1, 7, 50])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_there_are_as_many_codes_as_were_asked_for(decoder: Decoder, count: int, scale: float) -> None:
    for row in write(decoder, replace(ASKED, count=count, scale=scale), range(3)):
        assert len(row.codes) == count
        assert all(0 <= code < CODES for code in row.codes)
        assert row.likelihood < 0


def test_without_a_length_the_model_ends(decoder: Decoder) -> None:
    """But not too soon and not too late; the rows of a batch each at their own time."""
    head = decoder.network.head
    kept = head[decoder.vocabulary.end].clone()
    asked = replace(ASKED, count=None, fewest=5, most=40)
    lengths = {len(row.codes) for row in write(decoder, asked, range(8))}
    assert max(lengths) <= 40
    try:
        head[decoder.vocabulary.end] = 3.0 * head[decoder.vocabulary.codes[0] : decoder.vocabulary.codes[500]].mean(0)
        lengths = {len(row.codes) for row in write(decoder, replace(asked, sampling=Sampling(1.5, 0, 0.0)), range(8))}
        assert min(lengths) >= 5
    finally:
        head[decoder.vocabulary.end] = kept


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale": 1.0},
        {"sampling": Sampling(1.2, 40, 0.0, 1.3)},
        {"count": None, "fewest": 3, "most": 12},
    ],
)
def test_codes_do_not_depend_on_who_is_beside_them(decoder: Decoder, changes: dict[str, Any]) -> None:
    asked = replace(ASKED, **changes)
    together = write(decoder, asked, range(8))
    for seed in range(8):
        (alone,) = write(decoder, asked, [seed])
        assert alone.codes == together[seed].codes
        assert alone.likelihood == together[seed].likelihood
    assert len({tuple(row.codes) for row in together}) == 8


@pytest.mark.parametrize(
    "changes", [{}, {"scale": 1.0}, {"sampling": Sampling(1.2, 40)}, {"count": None, "fewest": 3, "most": 30}]
)
def test_codes_drawn_at_once_are_those_drawn_one_by_one(decoder: Decoder, changes: dict[str, Any]) -> None:
    """As on a card."""
    few = Decoder(decoder.network, replace(decoder.vocabulary, codes=decoder.vocabulary.codes[:40]))
    one_by_one = write(few, asked := replace(ASKED, **changes), range(6))
    few.at_once = True
    at_once = write(few, asked, range(6))
    assert [(row.codes, row.ended) for row in at_once] == [(row.codes, row.ended) for row in one_by_one]
    assert [row.likelihood for row in at_once] == pytest.approx([row.likelihood for row in one_by_one], rel=1e-5)


def test_every_token_is_told_of_and_may_be_the_last(decoder: Decoder) -> None:
    rows = [CodeRow(Draws(seed, 1, CPU)) for seed in range(2)]
    with contextlib.closing(decoder.codes(ASKED, rows)) as steps:
        assert list(islice(steps, 4)) == [1, 2, 3, 4]
    assert [len(row.codes) for row in rows] == [4, 4]
    assert [row.codes for row in rows] == [row.codes[:4] for row in write(decoder, ASKED, range(2))]


def test_a_prompt_is_read_once(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder.forget()
    first = write(decoder, ASKED, range(2))
    read_again = []
    original = decoder.network.read
    monkeypatch.setattr(decoder.network, "read", lambda *args: read_again.append(1) or original(*args))
    second = write(decoder, ASKED, range(2))
    assert not read_again
    other = replace(ASKED, prompt=(ASKED.prompt[0], (5, 6, 7)))
    write(decoder, other, range(1))
    assert len(read_again) == 1  # its beginning was known
    decoder.forget()
    third = write(decoder, ASKED, range(2))
    assert [row.codes for row in first] == [row.codes for row in second] == [row.codes for row in third]


def test_the_head_is_a_view_where_tokens_follow_each_other() -> None:
    head = torch.randn(40, 4)
    rows = Rows(head, range(7, 20), CPU)
    assert rows.head.data_ptr() == head[7].data_ptr()
    scattered = Rows(head, (9, 3, 30), CPU)
    assert torch.equal(scattered.head, head[[9, 3, 30]])


# --- text -------------------------------------------------------------------------------------------------------------


def grammar(decoder: Decoder, **options: Any) -> Grammar:
    return Grammar(decoder.vocabulary, lambda text: encode(text_tokenizer(), text), **options)


def written(decoder: Decoder, rules: Grammar, seeds: list[int], most: int = 700) -> list[Row]:
    rows = [Row(rules) for _ in seeds]
    draws = [Draws(seed, 0, CPU) for seed in seeds]
    for _ in decoder.text(ASKED.prompt, rows, draws, Sampling(), most):
        pass
    return rows


def text_of(row: Row) -> str:
    return str(text_tokenizer().decode(row.ids, skip_special_tokens=False))


def test_plans_of_a_batch_are_those_of_their_seeds(decoder: Decoder) -> None:
    rules = grammar(decoder, skipped=frozenset({"caption"}))
    together = written(decoder, rules, [1, 2, 3])
    assert [row.ids for row in together] == [written(decoder, rules, [seed])[0].ids for seed in (1, 2, 3)]
    for row in together:
        assert row.done
        assert read(text_of(row)).metadata.keys() == set(FIELDS) - {"caption"}


def test_a_whole_plan_and_what_follows_it(decoder: Decoder) -> None:
    (row,) = written(decoder, grammar(decoder, on=True, given={"bpm": "77"}), [4], most=900)
    found = read(text_of(row))
    assert found.metadata["bpm"] == 77
    assert set(FIELDS) - {"caption"} <= found.metadata.keys()
    assert "</think>" in text_of(row)
    assert not found.codes


def test_text_ends_at_its_limit(decoder: Decoder) -> None:
    (row,) = written(decoder, grammar(decoder, on=True), [4], most=9)
    assert len(row.ids) == 9
    assert not row.done


def test_without_a_temperature_the_likeliest_words(decoder: Decoder) -> None:
    rows = [Row(grammar(decoder, skipped=frozenset({"caption"}))) for _ in range(2)]
    for _ in decoder.text(ASKED.prompt, rows, [Draws(n, 0, CPU) for n in range(2)], Sampling(0.0), 100):
        pass
    assert rows[0].ids == rows[1].ids
