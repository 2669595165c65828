"""The grammar: whatever a model would like, what comes out can be read, is allowed, and keeps what a person gave."""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Request
from engine.planner.grammar import MOST_CAPTION_TOKENS, Grammar, Row, Texts
from engine.planner.plan import Plan
from engine.planner.reasoning import FIELDS, read
from engine.planner.vocabulary import END, Trie, encode, trie_of, values_of
from engine.values import KEYSCALES, LANGUAGES, TIME_SIGNATURES
from tests.engine.planner.drive import texts, tokenizer, vocabulary, write

ENCODE = partial(encode, tokenizer())


def grammar(**options: object) -> Grammar:
    return Grammar(vocabulary(), ENCODE, **options)  # type: ignore[arg-type]


def check(text: str, *, longest: int = 600) -> dict[str, object]:
    """Every value of a written plan is one that is allowed, and all of it fits a request."""
    found = dict(read(text).metadata)
    assert 30 <= found.get("bpm", 30) <= 300  # type: ignore[operator]
    assert 10 <= found.get("duration", 10) <= longest  # type: ignore[operator]
    assert found.get("keyscale", KEYSCALES[0]) in KEYSCALES
    assert found.get("language", "en") in LANGUAGES
    assert found.get("timesignature", "4") in TIME_SIGNATURES
    Plan.of(read(text), seed=1).onto(Request()).to_dict()
    return found


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.sets(st.sampled_from(FIELDS)))
def test_whatever_a_model_prefers_a_plan_can_be_read(seed: int, on: bool, skipped: set[str]) -> None:
    rng = random.Random(seed)
    row = Row(grammar(on=on, skipped=frozenset(skipped)))
    text = write(row, lambda step, allowed: rng.randrange(len(allowed)))
    assert row.done or on
    found = check(text)
    expected = set(FIELDS) - skipped - {"caption"}
    assert expected <= found.keys() <= set(FIELDS) - skipped
    assert "<|audio_code_" not in text
    assert text.startswith("<think>\n")
    if not on:
        assert text.endswith("\n")
        assert "</think>" not in text


@pytest.mark.parametrize("place", [0, -1, 7, 10**9])
def test_a_stubborn_model_comes_to_an_end(place: int) -> None:
    row = Row(grammar())
    check(write(row, lambda step, allowed: place, most=MOST_CAPTION_TOKENS + 90))
    assert row.done
    assert len(row.ids) <= MOST_CAPTION_TOKENS + 90


def test_a_model_that_only_wants_new_lines_comes_to_an_end() -> None:
    newline = vocabulary().newline

    def prefer(step: int, allowed: list[int]) -> int:
        return allowed.index(newline) if newline in allowed else step

    row = Row(grammar())
    found = check(write(row, prefer))
    assert row.done
    assert set(FIELDS) - {"caption"} <= found.keys()


def test_a_caption_goes_on_where_the_next_line_is_indented() -> None:
    """And ends where it is not: the next name is then forced."""
    words = {" on": ENCODE(" on")[0], "\n": vocabulary().newline, "a": ENCODE("a")[0]}
    row = Row(grammar(skipped=frozenset({"bpm", "keyscale", "language", "timesignature"})))
    for token in (vocabulary().think, vocabulary().newline, *vocabulary().names["caption"]):
        row.take(token)
    for word in (" on", "\n"):
        assert row.wish.texts in (Texts.FIRST, Texts.CAPTION)
        row.take(words[word])
    assert row.wish.peek
    row.peeked(words[" on"])
    assert row.wish.texts is Texts.INDENTED
    row.take(words[" on"])
    row.take(words["\n"])
    row.peeked(words["a"])
    assert row.wish.ids == (vocabulary().names["duration"][0],)


def test_a_caption_has_a_limit() -> None:
    row = Row(grammar(skipped=frozenset(FIELDS) - {"caption", "bpm"}))
    text = write(row, lambda step, allowed: allowed.index(ENCODE("a")[0]) if ENCODE("a")[0] in allowed else 0)
    assert text.count("a") - text.count("ca") >= MOST_CAPTION_TOKENS - 1
    assert row.done


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "bpm": st.integers(30, 300).map(str),
        "duration": st.integers(1, 600).map(str),
        "keyscale": st.sampled_from(KEYSCALES),
        "language": st.sampled_from([code for code in LANGUAGES if code != "unknown"]),
        "timesignature": st.sampled_from(tuple(TIME_SIGNATURES)),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), GIVEN, st.sets(st.sampled_from(FIELDS)))
def test_what_a_person_gave_survives(seed: int, mine: dict[str, str], skipped: set[str]) -> None:
    rng = random.Random(seed)
    row = Row(grammar(given=mine, skipped=frozenset(skipped)))
    text = write(row, lambda step, allowed: rng.randrange(len(allowed)))
    assert row.done
    for name, value in mine.items():
        assert f"\n{name}: {value}\n" in text
    if int(mine.get("duration", "10")) >= 10:
        assert {name: str(read(text).metadata[name]) for name in mine} == mine


def test_a_language_is_the_likeliest_and_not_drawn() -> None:
    row = Row(grammar(skipped=frozenset(FIELDS) - {"language"}))
    for _ in range(2 + len(vocabulary().names["language"])):
        assert not row.wish.greedy
        row.take(row.wish.ids[0])
    assert row.wish.greedy
    row.take(row.wish.ids[0])
    assert not row.wish.greedy


def test_a_number_may_end_where_it_could_go_on() -> None:
    row = Row(grammar(skipped=frozenset(FIELDS) - {"bpm"}))
    for _ in range(2 + len(vocabulary().names["bpm"])):
        row.take(row.wish.ids[0])
    row.take(ENCODE(" ")[0])
    digits = {str(n): ENCODE(f"x{n}")[1] for n in range(10)}
    assert set(row.wish.ids) == {digits[d] for d in "123456789"}
    row.take(digits["3"])
    row.take(digits["0"])
    assert set(row.wish.ids) == {vocabulary().newline, digits["0"]}
    row.take(vocabulary().newline)
    assert row.done
    assert read(tokenizer().decode(row.ids, skip_special_tokens=False)).metadata == {"bpm": 30}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(10, 600))
def test_a_length_stays_within_what_a_card_can_do(seed: int, longest: int) -> None:
    rng = random.Random(seed)
    trie = trie_of(tokenizer(), "duration", longest)
    row = Row(grammar(durations=trie, skipped=frozenset(FIELDS) - {"duration"}))
    text = write(row, lambda step, allowed: rng.randrange(len(allowed)))
    assert "duration" in check(text, longest=longest)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_unconstrained_text_is_read_as_far_as_it_can_be(seed: int, on: bool) -> None:
    rng = random.Random(seed)
    check(write(Row(grammar(constrained=False, on=on)), lambda step, allowed: rng.randrange(len(allowed)), most=300))


def test_unconstrained_text_ends_with_its_reasoning() -> None:
    row = Row(grammar(constrained=False))
    row.take(vocabulary().think_end)
    assert row.done
    row = Row(grammar(constrained=False, on=True))
    row.take(vocabulary().think_end)
    assert not row.done
    row.take(vocabulary().end)
    assert row.done


def test_rows_of_a_batch_do_not_know_each_other() -> None:
    shared = grammar()
    alone = [write(Row(shared), lambda step, allowed, n=n: n) for n in (3, 11)]
    rows = [Row(shared), Row(shared)]
    while not all(row.done for row in rows):
        for n, row in zip((3, 11), rows, strict=True):
            if not row.done:
                wish = row.wish
                if wish.peek:
                    row.peeked(texts(Texts.CAPTION)[n % len(texts(Texts.CAPTION))])
                    wish = row.wish
                allowed = list(wish.ids) if wish.texts is None else texts(wish.texts)
                row.take(allowed[n % len(allowed)])
    assert [tokenizer().decode(row.ids, skip_special_tokens=False) for row in rows] == alone


# --- tries ------------------------------------------------------------------------------------------------------------


def spelled(trie: Trie, before: tuple[int, ...] = ()) -> list[str]:
    found = []
    for token, rest in trie.items():
        if token == END:
            found.append(tokenizer().decode(list(before)))
        else:
            found += spelled(rest, (*before, token))
    return found


@pytest.mark.parametrize("field", [name for name in FIELDS if name != "caption"])
def test_tries_hold_every_value(field: str) -> None:
    assert sorted(spelled(vocabulary().tries[field])) == sorted(f" {value}" for value in values_of(field))


def test_there_are_seventy_keys() -> None:
    assert len(list(values_of("keyscale"))) == 70
    assert {"F# minor", "B♭ major", "E♯ minor"} <= set(values_of("keyscale"))
