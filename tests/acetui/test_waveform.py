"""Outlines as text: right in size whatever is asked, and loud where the music is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from acetui.browsing.waveform import cell_at, drawn, second_at, section_line, spans, tiny
from acetui.looks.signs import BLOCKS, BRAILLE, PLAIN

STYLES = [BRAILLE, BLOCKS, PLAIN]
styles = st.sampled_from(STYLES)
columns = st.lists(st.floats(0, 1), max_size=60)


def ink(line: str, style: str) -> int:
    """How much of a line is drawn, in the smallest parts that its signs have."""
    if style == BRAILLE:
        return sum((ord(sign) - 0x2800).bit_count() for sign in line if sign != " ")
    if style == BLOCKS:
        return sum(" ▁▂▃▄▅▆▇█".index(sign) for sign in line)
    return sum({" ": 0, ".": 1, "'": 1, ":": 2, "-": 3, "=": 4, "+": 5, "*": 6, "#": 7}[sign] for sign in line)


@given(columns, st.integers(-1, 90), st.integers(-1, 6), styles)
def test_rows_and_cells_are_as_many_as_asked(high: list[float], width: int, height: int, style: str) -> None:
    rows = drawn([-value for value in high], high, width, height, style)
    assert len(rows) == (max(height, 0) if width > 0 else 0)
    assert all(cell_len(row) == width for row in rows)
    assert style != PLAIN or all(row.isascii() for row in rows)
    row = tiny([-value for value in high], high, width, style)
    assert cell_len(row) == max(width, 0)
    assert style != PLAIN or row.isascii()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_more_swing_is_more_ink(style: str, height: int) -> None:
    levels = [0.05, 0.3, 0.55, 0.8, 1.0]
    inks = [sum(ink(row, style) for row in drawn([-level], [level], 8, height, style)) for level in levels]
    assert inks == sorted(inks)
    assert inks[0] < inks[-1]
    full = {BRAILLE: 8, BLOCKS: 8, PLAIN: 7 if height == 1 else 2}[style]
    assert inks[-1] == 8 * height * full


@pytest.mark.parametrize("style", STYLES)
def test_silence_is_a_thin_line_and_nothing_is_blank(style: str) -> None:
    silent = drawn([0.0] * 5, [0.0] * 5, 10, 3, style)
    assert sum(ink(row, style) for row in silent) == {BRAILLE: 20, BLOCKS: 10, PLAIN: 10}[style]
    assert drawn([], [], 4, 2, style) == ["    ", "    "]
    assert tiny([], [], 4, style) == "    "
    assert len(set(tiny([0.0] * 3, [0.0] * 3, 4, style))) == 1
    assert tiny([0.0] * 3, [0.0] * 3, 4, style).strip()


@pytest.mark.parametrize("style", STYLES)
def test_the_quiet_half_looks_quiet(style: str) -> None:
    high = [0.9] * 500 + [0.05] * 500
    low = [-value for value in high]
    row = drawn(low, high, 40, 3, style)
    loud, quiet = (sum(ink(line[part], style) for line in row) for part in (slice(0, 20), slice(20, 40)))
    assert loud >= 3 * quiet
    shape = tiny(low, high, 10, style)
    assert len(set(shape[:5])) == len(set(shape[5:])) == 1
    assert shape[0] != shape[-1]


def test_a_click_is_seen() -> None:
    high = [0.02] * 1000
    high[500] = 1.0
    row = drawn([-value for value in high], high, 50, 4, BRAILLE)
    assert sum(line[25] != " " for line in row) > sum(line[10] != " " for line in row)


@given(st.floats(0.1, 600), st.integers(1, 200), st.floats(0, 1))
def test_cells_and_seconds_agree(seconds: float, width: int, share: float) -> None:
    cell = cell_at(share * seconds, seconds, width)
    assert 0 <= cell < width
    begins, ends = second_at(cell, seconds, width), second_at(cell + 1, seconds, width)
    assert begins - 1e-6 <= share * seconds <= ends + 1e-6


@given(
    st.integers(-1, 120),
    st.floats(0, 300),
    st.none() | st.floats(-5, 310),
    st.none() | st.tuples(st.floats(-5, 310), st.floats(-5, 310)).map(lambda ends: (min(ends), max(ends))),
)
def test_spans_cover_the_row_once(
    width: int, seconds: float, playhead: float | None, region: tuple[float, float] | None
) -> None:
    found = spans(width, seconds, playhead, region)
    assert [cell for span in found for cell in range(span.start, span.end)] == list(range(max(width, 0)))
    heads = [span for span in found if span.kind == "playhead"]
    assert len(heads) == (playhead is not None and width > 0)
    assert all(head.end - head.start == 1 for head in heads)
    inside = [cell for span in found if span.region for cell in range(span.start, span.end)]
    if region is None or width <= 0:
        assert inside == []
    else:
        assert inside == list(range(cell_at(region[0], seconds, width), cell_at(region[1], seconds, width) + 1))


def test_what_was_played_is_left_of_the_playhead() -> None:
    found = [(span.start, span.end, span.kind, span.region) for span in spans(10, 100, 45, (20, 59))]
    assert found == [
        (0, 2, "wave-played", False),
        (2, 4, "wave-played", True),
        (4, 5, "playhead", True),
        (5, 6, "wave", True),
        (6, 10, "wave", False),
    ]


def test_sections_stand_where_they_begin() -> None:
    sections = [(0.0, "intro"), (12.0, "verse 1"), (30.0, "chorus"), (90.0, "outro")]
    assert section_line(sections, 120, 40, "|") == "|   |     |chorus             |outro    "
    assert section_line(sections, 120, 40) == "    verse chorus              outro     "
    wide = section_line(sections, 120, 80, "|")
    assert [wide.index(name) - 1 for name in ("intro", "verse 1", "chorus", "outro")] == [0, 8, 20, 60]
    assert len(wide) == 80


names = st.text("abcdef 12", min_size=1, max_size=12).map(lambda text: text.strip() or "x")


@given(st.lists(st.tuples(st.floats(0, 200), names), max_size=8), st.integers(0, 60))
def test_no_word_of_a_section_is_cut(sections: list[tuple[float, str]], width: int) -> None:
    sections.sort(key=lambda section: section[0])
    line = section_line(sections, 150, width, "|")
    assert len(line) == width
    words = {word for _, name in sections for word in name.split()} | {""}
    assert {word for part in line.split("|") for word in part.split()} <= words


def test_a_sine_is_drawn_evenly() -> None:
    high = [abs(math.sin(at / 40)) for at in range(1000)]
    rows = drawn([-value for value in high], high, 60, 4, PLAIN)
    assert rows[0].replace("'", ":").replace(".", ":").count(":") == rows[3].replace("'", ":").count(":")
