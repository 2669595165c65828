"""Differences: both texts can be read off the pieces, and fields are told in the form's words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.recipe.text_changes import COME, GONE, SAME, FieldChange, Piece, field_changes, word_changes

TEXT = st.lists(st.sampled_from(["warm", "cold", " ", "\n", "  ", "jazz", "ü", "\t", "\r\n"]), max_size=14).map("".join)


def test_words() -> None:
    assert word_changes("warm slow jazz", "warm fast jazz") == (
        Piece("warm ", SAME),
        Piece("slow", GONE),
        Piece("fast", COME),
        Piece(" jazz", SAME),
    )
    assert word_changes("same", "same") == (Piece("same", SAME),)
    assert word_changes("", "new") == (Piece("new", COME),)
    assert word_changes("", "") == ()


def test_lines_that_repeat_stay_where_they_are() -> None:
    before = "la la\nla la\nhold\nla la\n"
    pieces = word_changes(before, before.replace("hold", "let go"))
    assert [piece for piece in pieces if piece.kind != SAME] == [Piece("hold", GONE), Piece("let go", COME)]


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT)
def test_both_texts_can_be_read_off(before: str, after: str) -> None:
    pieces = word_changes(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != COME) == before
    assert "".join(piece.text for piece in pieces if piece.kind != GONE) == after
    assert all(a.kind != b.kind for a, b in pairwise(pieces))


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {}, ()),
        ({"recipe": {"bpm": 96}}, {"recipe": {"bpm": 104}}, (FieldChange("bpm", "96", "104"),)),
        ({"recipe": {"duration": 124.0}}, {}, (FieldChange("duration", "2:04", ""),)),
        ({}, {"recipe": {"caption": "a"}}, (FieldChange("caption", "", "a", (Piece("a", COME),)),)),
        ({"loop": {"takes": 3}}, {"loop": {"headless": True}}, (
            FieldChange("loop.takes", "3", ""), FieldChange("loop.headless", "", "on"),
        )),
        ({}, {"recipe": {"grid": {"bpm": [90]}}}, (FieldChange("grid", "", "bpm = 90"),)),
        ({"recipe": {"lyrics": "x", "bpm": 90}}, {"recipe": {"bpm": 91}}, (
            FieldChange("lyrics", "x", "", (Piece("x", GONE),)), FieldChange("bpm", "90", "91"),
        )),
    ],
)  # fmt: skip
def test_fields(before: dict[str, Any], after: dict[str, Any], changes: tuple[FieldChange, ...]) -> None:
    assert field_changes(before, after) == changes
