"""Lyrics: spans to the character, sections that hold every line, formatting that loses no word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.lyrics.lyric_text import (
    BACKING,
    LOUD,
    MODIFIER,
    OPEN,
    TAG,
    Section,
    Span,
    folded,
    formatted,
    is_tag_line,
    lines_of,
    next_section,
    previous_section,
    section_at,
    sections,
    spans,
    sung,
    tags,
)
from acetui.lyrics.tag_completion import completions, documented, modifiers

LINE = st.text(st.sampled_from("[]() -–ab AB\tü，,'’!"), max_size=24)
TEXT = st.lists(
    LINE | st.sampled_from(["[Verse 1]", "[Chorus - anthemic]", "[whispered]", "", "la la", "  [ Bridge ] "]),
    max_size=12,
).map("\n".join)
QUICK = settings(max_examples=200, deadline=None)

SONG = """[Intro - synth]

[Verse 1]
Headlights bend along the shore
[whispered]
Every mile a closing door

[Chorus - anthemic, wide]
WE ARE ONLY TAIL LIGHTS NOW
(only tail lights now)"""


def cut(line: str) -> list[tuple[str, str]]:
    return [(line[span.start : span.end], span.kind) for span in spans(line)]


def test_spans_of_lines() -> None:
    assert cut("[Verse 1]") == [("[Verse 1]", TAG)]
    assert cut("[Chorus - anthemic]") == [("[Chorus", TAG), (" - anthemic", MODIFIER), ("]", TAG)]
    assert cut("[whispered] hold ME (hold ME) I") == [("[whispered]", TAG), ("ME", LOUD), ("(hold ME)", BACKING)]
    assert cut("DON'T go A way, OK") == [("DON'T", LOUD), ("OK", LOUD)]
    assert cut("sing [Verse 1") == [("[Verse 1", OPEN)]
    assert cut("just words") == []


def test_tags_and_what_is_sung() -> None:
    (tag,) = tags("[Chorus - anthemic, wide - slow]")
    assert (tag.name, tag.modifiers, tag.begins_section) == ("Chorus", ("anthemic", "wide", "slow"), True)
    assert tags("[Pre-Chorus]")[0].name == "Pre-Chorus"
    assert [tag.begins_section for tag in tags("[Whispered] [drum break]")] == [False, True]
    assert sung("[a]  one (two)  three") == "one (two) three"
    assert sung("[a]  one (two)  three", backing=False) == "one three"
    assert is_tag_line(" [a] [b] ")
    assert not is_tag_line("[a] b")
    assert not is_tag_line("")


def test_sections_of_a_song() -> None:
    parts = sections(SONG.split("\n"))
    assert parts == (
        Section("Intro - synth", 0, 1),
        Section("Verse 1", 2, 6),
        Section("Chorus - anthemic, wide", 7, 9),
    )
    assert [section_at(parts, line) for line in (0, 1, 2, 6, 9, 99)] == [0, 0, 1, 1, 2, 2]
    assert [next_section(parts, line) for line in (0, 2, 8)] == [2, 7, 8]
    assert [previous_section(parts, line) for line in (0, 2, 9)] == [0, 0, 7]
    assert [(part.sung, part.words) for part in folded(SONG.split("\n"))] == [
        (0, ""),
        (2, "Headlights bend along the shore"),
        (2, "WE ARE ONLY TAIL LIGHTS NOW"),
    ]


def test_words_before_the_first_tag_are_a_section() -> None:
    assert sections(["la", "[Verse]", "x"]) == (Section("", 0, 0), Section("Verse", 1, 2))
    assert sections(["", "[Verse]"]) == (Section("Verse", 0, 1),)
    assert sections([""]) == sections([]) == (Section("", 0, 0),)


def test_formatting_a_text() -> None:
    rough = "\n\n  [ Verse  1 ]\nla  la \n[whispered]\nla\n[Chorus]\n\n\nWE\n\n"
    assert formatted(rough) == "[Verse 1]\nla  la\n[whispered]\nla\n\n[Chorus]\n\nWE"
    assert formatted(" \n ") == ""


@QUICK
@given(TEXT)
def test_formatting_keeps_the_words_and_settles(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once
    assert "".join(once.split()) == "".join(text.split())


@QUICK
@given(LINE)
def test_spans_are_in_order_and_apart(line: str) -> None:
    last = 0
    for span in spans(line):
        assert last <= span.start < span.end <= len(line)
        last = span.end
    assert Span(0, 0, TAG) not in spans(line)


@QUICK
@given(TEXT)
def test_sections_hold_every_line_once(text: str) -> None:
    lines = lines_of(text)
    parts = sections(lines)
    assert [line for part in parts for line in range(part.first, part.last + 1)] == list(range(len(lines)))
    for line in range(len(lines)):
        assert parts[section_at(parts, line)].first <= line <= parts[section_at(parts, line)].last
        assert next_section(parts, line) >= line >= previous_section(parts, line)


@QUICK
@given(st.text(st.sampled_from("ab\n\r\u2028\x0b"), max_size=8))
def test_lines_are_those_of_an_editor(text: str) -> None:
    lines = lines_of(text)
    assert lines
    assert lines_of("\n".join(lines)) == lines


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("[Ch", "orus]"),
        ("[ch", "orus]"),
        ("[V", "erse 3]"),
        ("[Chorus", "]"),
        ("[Chorus - an", "themic]"),
        ("[Chorus - anthemic, whi", "spered]"),
        ("[My o", "wn]"),
        ("[", None),
        ("[Zzz", None),
        ("plain", None),
        ("[Verse] x", None),
    ],
)
def test_completing_a_tag(line: str, first: str | None) -> None:
    song = ["[Verse 1]", "[verse 2]", "[My own]", line]
    found = completions(song, 3, len(line))
    assert (found[0] if found else None) == first


def test_completing_inside_a_closed_tag_closes_nothing_twice() -> None:
    assert completions(["[Cho]"], 0, 4)[0] == "rus"
    assert completions(["[Cho rus]"], 0, 4) == []
    assert completions(["[Chorus - ]"], 0, 10)[0] == modifiers()[0]


@QUICK
@given(st.sampled_from([*documented(), "Verse 7"]), st.data())
def test_a_completion_makes_a_documented_tag(tag: str, data: st.DataObject) -> None:
    begun = "[" + tag[: data.draw(st.integers(1, len(tag)))]
    assert f"[{tag}]".lower() in {(begun + rest).lower() for rest in completions(["[Verse 6]", begun], 1, len(begun))}


@QUICK
@given(TEXT, st.integers(0, 20), st.integers(0, 30))
def test_completions_are_for_one_line(text: str, line: int, column: int) -> None:
    assert all(rest and "\n" not in rest for rest in completions(lines_of(text), line, column))
