"""Lines of the list as text: what is dropped where there is no room, and what a mark says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from acetui.browsing.row_text import Columns, Seen, columns, divider, pieces, score_text, unknown
from acetui.browsing.take_rows import Row, age_of
from acetui.looks.signs import ASCII, BRAILLE, PLAIN, UNICODE, Looks
from acetui.looks.text_cells import cut, filled, safe

LOOKS = Looks(UNICODE, BRAILLE)
TYPED = Looks(ASCII, PLAIN)
WAVE = ((-0.1, -0.5, -0.9, -0.4), (0.1, 0.5, 0.9, 0.4))


def row(**fields: Any) -> Row:
    return Row(**{"number": 41, "id": "a", "name": "neon drive", "duration": 124.0, "seed": 8123, **fields})


def text(seen: Seen, width: int, looks: Looks = LOOKS) -> str:
    return "".join(each for each, _ in pieces(seen, columns(width, 2), looks))


@given(st.integers(20, 260), st.integers(1, 9))
def test_columns_fill_the_width_and_the_name_is_dropped_last(width: int, digits: int) -> None:
    shape = columns(width, digits)
    cells = [shape.name, shape.lineage, shape.extra, shape.revision, shape.seed, shape.age, shape.wave]
    assert min(cells) >= 0
    if width >= 40:
        assert sum(cells) + len("◆★") + shape.number + len(" .87~ 12:04 ") == width
        assert shape.name >= 12 or not shape.wave


@given(
    st.integers(24, 200),
    st.text(max_size=60),
    st.lists(st.text(max_size=9), max_size=3),
    st.booleans(),
    st.sampled_from([LOOKS, TYPED]),
)
def test_lines_cover_as_many_cells_as_there_are(
    width: int, name: str, tags: list[str], rated: bool, looks: Looks
) -> None:
    taken = row(name=name, tags=tuple(tags), rating=3 if rated else None, parent="x", parent_number=12)
    line = text(Seen(taken, outline=WAVE, age="3 min"), width, looks)
    assert cell_len(line) <= width
    assert line.isprintable()
    if width >= 40:
        assert cell_len(line) >= width - 3, "two-celled signs leave a cell at most"


def test_a_screen_of_eighty_columns_has_what_one_judges_by() -> None:
    pinned = text(Seen(row(marks=frozenset({"pinned"}), score=0.87), outline=WAVE), 79)
    assert pinned.startswith(" ★41 .87   2:04 neon drive  ")
    assert pinned.endswith("  ▁▁▁▄▄██▄▄ ")
    assert text(Seen(row(score=0.86, parent="a", parent_number=38), tie=True), 79)[:12] == " •41 .86~  2"
    assert "↳38" in text(Seen(row(parent="a", parent_number=38)), 79)
    assert "sibling of 38" in text(Seen(row(parent="a", parent_number=38, operation="sibling")), 120)
    assert "sibling" in text(Seen(row(parent="a", operation="sibling")), 120)


def test_marks_say_what_is_most_to_be_said() -> None:
    def mark(**fields: Any) -> str:
        return pieces(Seen(row(**fields)), columns(79, 2), LOOKS)[0][0]

    assert mark() == " •"
    assert mark(marks=frozenset({"heard"})) == "  "
    assert mark(marks=frozenset({"heard", "liked"})) == " ♡"
    assert mark(marks=frozenset({"liked", "pinned"})) == " ★"
    assert mark(marks=frozenset({"rejected"}), faults=("silent",)) == " ✗"
    assert mark(faults=("silent",)) == " !"
    assert mark(stored="latents only") == " !"
    assert mark(trashed=True, marks=frozenset({"pinned"})) == " ⌫"
    assert pieces(Seen(row(), selected=True, playing=True), columns(79, 2), LOOKS)[0] == ("◆►", "mark-selected")


def test_what_is_wrong_is_said_in_words() -> None:
    assert "silent from 1:12" in text(Seen(row(faults=("silent from 1:12",))), 60)
    assert "neon drive · silent from 1:12" in text(Seen(row(faults=("silent from 1:12",))), 150)
    assert "no audio, latents kept" in text(Seen(row(stored="latents only")), 79)
    assert "neon drive ≈" in text(Seen(row(sketch=True)), 79)


@pytest.mark.parametrize(
    ("score", "tie", "shown"),
    [(None, False, " –  "), (0.874, False, ".87 "), (0.874, True, ".87~"), (1.0, False, "1.0 "), (0.0, True, ".00~")],
)
def test_scores_have_two_digits_and_a_tie_its_sign(score: float | None, tie: bool, shown: str) -> None:
    assert score_text(score, tie, LOOKS) == shown


def test_dividers_fill_the_line_and_unknown_takes_have_their_number() -> None:
    ((line, kind),) = divider("from take 37: bpm 96 → 104", 60, LOOKS, "boundary")
    assert (cell_len(line), kind) == (60, "boundary")
    assert line.startswith("  ── from take 37: bpm 96 → 104 ───")
    assert divider("from take 37: bpm 96 → 104", 60, TYPED, "boundary")[0][0].isascii()
    assert "…" in divider("a long change " * 9, 40, LOOKS, "boundary")[0][0]
    assert unknown(7, Columns(3, 9, 0, 0, 0, 0, 0, 0)) == [("    7", "quiet")]


def test_texts_of_people_are_safe_and_cut_by_cells() -> None:
    assert safe("neon\x1b[31m\ndrive") == "neon [31m drive"
    assert cut("夜のドライブ", 7, "…") == "夜のド…"
    assert cut("neon drive", 10, "…") == "neon drive"
    assert cut("neon drive", 0, "…") == ""
    assert filled("夜の", 5) == "夜の "
    assert filled("neon", 2) == "ne"


def test_ages_come_from_the_time_that_a_take_was_made() -> None:
    made = row(created="2026-01-02T03:04:05Z")
    assert age_of(made, 1767323045.0 + 180) == "3 min"
    assert age_of(made, 0.0) == "now"
    assert age_of(row(created="2026-01-02T03:04:05"), 1767323045.0 + 7200) == "2 h"
    assert age_of(row(created=""), 0.0) == ""
