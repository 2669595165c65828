"""Wildcards: what they choose from, how they are escaped, how they refuse."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from sessions.wildcards import DEEPEST, escape, expand, parse
from tests.sessions.made import check_calm

SIGNS = st.text(st.sampled_from("{|}\\a b\n"), max_size=30)


def drawn(text: str, times: int = 200) -> set[str]:
    rng = random.Random(1)
    return {expand(text, rng) for _ in range(times)}


@pytest.mark.parametrize(
    ("text", "all_of_them"),
    [
        ("plain", {"plain"}),
        ("", {""}),
        ("a {warm|cold} mood", {"a warm mood", "a cold mood"}),
        ("{a|b}{c|d}", {"ac", "ad", "bc", "bd"}),
        ("{a|b {c|d}}", {"a", "b c", "b d"}),
        ("{very |}dark", {"very dark", "dark"}),
        ("{alone}", {"alone"}),
        ("{}", {""}),
        ("drums | bass", {"drums | bass"}),
        (r"\{a|b\}", {"{a|b}"}),
        (r"{a\|b|c\}}", {"a|b", "c}"}),
        (r"back\slash \\{a|b}", {r"back\slash \a", r"back\slash \b"}),
        ("end\\", {"end\\"}),
        ("{one\nline|two\nlines}", {"one\nline", "two\nlines"}),
    ],
)
def test_every_alternative_comes_up_and_nothing_else(text: str, all_of_them: set[str]) -> None:
    assert drawn(text) == all_of_them


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a {b", "'{' at character 3 is never closed."),
        ("{a|{b}", "'{' at character 1 is never closed."),
        ("a}", "'}' at character 2 closes nothing."),
        ("{" * (DEEPEST + 1) + "}" * (DEEPEST + 1), "'{' at character 17 is inside more than 16 others."),
    ],
)
def test_what_is_no_choice_is_refused_where_it_stands(text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        expand(text, random.Random(0))
    assert caught.value.error == says
    assert "\\" in caught.value.hint


def test_the_same_randomness_draws_the_same_text() -> None:
    text = "{a|b|c} {d|e|f} {g|h|i}"
    assert expand(text, random.Random(7)) == expand(text, random.Random(7))


@given(st.text() | SIGNS)
def test_escaped_text_expands_to_itself(text: str) -> None:
    assert expand(escape(text), random.Random(0)) == text


@given(
    st.lists(st.tuples(st.text(max_size=5), st.lists(st.text(max_size=5), min_size=1, max_size=4)), max_size=4),
    st.randoms(),
)
def test_an_expansion_is_one_of_the_product(parts: list[tuple[str, list[str]]], rng: random.Random) -> None:
    def inside(text: str) -> str:
        return text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}").replace("|", "\\|")

    text = "".join(escape(before) + "{" + "|".join(map(inside, options)) + "}" for before, options in parts)
    everything = {
        "".join(before + option for (before, _), option in zip(parts, chosen, strict=True))
        for chosen in product(*(options for _, options in parts))
    }
    if any(before.endswith("\\") for before, _ in parts):  # a lone backslash escapes the brace that follows it
        return
    assert expand(text, rng) in everything


@given(SIGNS, st.randoms())
def test_any_text_is_drawn_or_calmly_refused(text: str, rng: random.Random) -> None:
    try:
        assert len(expand(text, rng)) <= len(text)
    except InvalidRequest as error:
        check_calm(error)


def test_a_long_text_is_read_in_no_time() -> None:
    assert len(parse("{a|b}" * 20_000).options[0]) == 20_000
    with pytest.raises(InvalidRequest):
        parse("{" * 100_000)
