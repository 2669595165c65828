"""Differences as lines."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from acetui.recipe.diff_lines import diff_lines, plan_changes
from acetui.recipe.text_changes import COME, GONE, FieldChange, field_changes


def drawn(before: dict[str, object], after: dict[str, object], width: int = 60) -> list[str]:
    lines = diff_lines(field_changes({"recipe": before}, {"recipe": after}), width)
    return ["".join(piece.text for piece in line) for line in lines]


def test_values_are_one_line_each() -> None:
    assert drawn({"bpm": 96}, {"bpm": 104, "duration": 124.0}) == ["bpm  96 -> 104", "duration  auto -> 2:04"]
    assert drawn({"caption": "warm jazz"}, {"caption": "cold jazz"}) == ["caption  warm jazz -> cold jazz"]


def test_a_long_text_is_shown_word_by_word() -> None:
    before = "melancholic synthwave with airy pads and slow drums"
    lines = drawn({"caption": before}, {"caption": before.replace("slow", "fast punchy")}, 40)
    assert lines == ["caption", "melancholic synthwave with airy pads and ", "-slow-+fast punchy+ drums"]


def test_of_lyrics_only_what_changed_and_what_is_around_it() -> None:
    song = [f"line {number}" for number in range(20)]
    after = [*song[:10], "a new line", *song[11:]]
    assert drawn({"lyrics": "\n".join(song)}, {"lyrics": "\n".join(after)}) == [
        "lyrics", "...", "line 9", "+a new+ line -10-", "line 11", "...",
    ]  # fmt: skip


def test_what_the_planner_changed() -> None:
    take = {
        "request": {"caption": "jazz", "bpm": None, "keyscale": "C major"},
        "plan": {"bpm": 92, "keyscale": "C major", "caption": "warm jazz", "duration": None, "seed": 7, "model": "lm"},
    }
    assert [(each.name, each.before, each.after) for each in plan_changes(take)] == [
        ("caption", "jazz", "warm jazz"), ("bpm", "", "92"),
    ]  # fmt: skip
    assert plan_changes({"request": {}, "plan": None}) == ()


TEXTS = st.text(st.sampled_from("ab \n漢é"), max_size=40)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, st.integers(8, 40))
def test_no_line_is_wider_than_asked_and_every_change_is_shown(before: str, after: str, width: int) -> None:
    lines = diff_lines(field_changes({"recipe": {"lyrics": before}}, {"recipe": {"lyrics": after}}), width)
    assert all(cell_len("".join(piece.text for piece in line).rstrip()) <= width for line in lines)
    if before.split() != after.split():
        assert {piece.kind for line in lines for piece in line} & {GONE, COME}


def test_a_field_that_nobody_knows_is_shown_as_it_is() -> None:
    (line,) = diff_lines([FieldChange("grid", "", '{"bpm": [90]}')], 60)
    assert "".join(piece.text for piece in line) == 'grid  none -> {"bpm": [90]}'
