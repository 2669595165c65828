"""Checks of caption and lyrics: each fires where it should, and none on a song that is in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.lyrics.lyric_checks import NOTICE, WARNING, Words, findings
from acetui.lyrics.lyric_text import lines_of

SONG = """[Intro - synth]

[Verse 1]
Headlights bend along the shore
Every mile a closing door

[Chorus - anthemic]
WE ARE ONLY TAIL LIGHTS NOW
(only tail lights now)

[Guitar Solo - electric]

[Outro - whispered]
Turn the radio down"""


def told(**words: Any) -> list[tuple[str, int | None, str]]:
    return [(each.field, each.line, each.sentence) for each in findings(Words(**words))]


def test_nothing_is_said_of_a_song_in_order() -> None:
    caption = "melancholic synthwave, female vocal, airy pads, punchy gated drums"
    assert told(caption=caption, lyrics=SONG, bpm=104, keyscale="A minor", vocal_language="en") == []
    assert told(caption="slow ambient, warm pads", lyrics="[Instrumental]", bpm=60) == []
    assert told() == []


@pytest.mark.parametrize(
    ("words", "field", "line", "part"),
    [
        ({"caption": "instrumental jazz", "lyrics": "[Verse]\nla la"}, "lyrics", 1, "says 'instrumental', and line 2"),
        ({"caption": "a female voice over piano", "lyrics": "[Instrumental]"}, "caption", None, "'female voice'"),
        ({"caption": "choir", "instrumental": True}, "caption", None, "'choir'"),
        ({"lyrics": "la la", "instrumental": True}, "lyrics", 0, "instrumental is on"),
        ({"lyrics": "[Verse]\nla\n[Instrumental]\nla"}, "lyrics", 3, "in a section that is [Instrumental]"),
        ({"caption": "female singer, male rapper"}, "caption", None, "a female and a male voice"),
        ({"caption": "male vocal", "lyrics": "[Verse - female voice]\nla"}, "lyrics", 0, "names the other voice"),
        ({"caption": "funk at 120 bpm", "bpm": 96}, "caption", None, "says 120 bpm, and bpm is 96"),
        ({"caption": "a song in F# minor"}, "caption", None, "'F# minor'"),
        ({"caption": "slow ballad", "bpm": 170}, "caption", None, "'slow', and bpm is 170"),
        ({"caption": "fast punk", "bpm": 60}, "caption", None, "'fast', and bpm is 60"),
        ({"caption": "a soft lullaby", "lyrics": "[Verse]\nla\n[Drop - explosive]"}, "lyrics", 2, "says 'explosive'"),
        ({"lyrics": "[Chorus - wide, slow, loud]\nla"}, "lyrics", 0, "stacks 3 modifiers"),
        ({"lyrics": "[Verse]\n[dreamy]\n[whispered]\n[harmonies]\nla"}, "lyrics", 0, "4 tags follow each other"),
        ({"lyrics": "[Chorsu]\nla"}, "lyrics", 0, "[Chorsu] is not a documented tag"),
        ({"lyrics": "[]\nla"}, "lyrics", 0, "an empty tag"),
        ({"lyrics": "[Verse 1\nla"}, "lyrics", 0, "opens a bracket"),
        ({"lyrics": "all the lonely people in the city keep on waiting for a sign"}, "lyrics", 0, "about 17 syllables"),
        ({"caption": "x" * 600}, "caption", None, "The caption has 600 characters; about 512"),
        ({"lyrics": "la\n" * 1400}, "lyrics", None, "The lyrics have 4200 characters; about 4096"),
        ({"caption": "x", "caption_tokens": 257}, "caption", None, "257 tokens, and 256 are read"),
        ({"lyrics": "x", "lyric_tokens": 2049}, "lyrics", None, "2049 tokens, and 2048 are read"),
        ({"lyrics": "さくら さくら", "vocal_language": "en"}, "lyrics", None, "in Japanese letters"),
    ],
)
def test_what_is_told(words: dict[str, Any], field: str, line: int | None, part: str) -> None:
    found = told(**words)
    assert [each for each in found if each[:2] == (field, line) and part in each[2]], found
    assert len(found) == 1


@pytest.mark.parametrize(
    "words",
    [
        {"caption": "duet of a female and a male singer", "lyrics": "[Verse - male voice]\nla"},
        {"caption": "lush, in a minor mood, feeling", "lyrics": ""},
        {"caption": "x" * 600, "caption_tokens": 200},
        {"caption": "slow build into a fast chorus", "bpm": 160},
        {"caption": "funk at 120 bpm", "bpm": 120},
        {"lyrics": "さくら 春の風", "vocal_language": "ja"},
        {"lyrics": "[Saxophone Solo]\n\n[Verse II]\nla\n\n[Hook]\nla"},
    ],
)
def test_what_is_not_told(words: dict[str, Any]) -> None:
    assert told(**words) == []


def test_a_tag_that_is_nearly_one_is_named() -> None:
    (found,) = findings(Words(lyrics="[pre chorus]\nla"))
    assert (found.hint, found.weight) == ("Did you mean [Pre-Chorus]?", NOTICE)


def test_warnings_come_first() -> None:
    found = findings(Words(lyrics="[Zork]\nla\n[Verse\nla", caption="funk at 90 bpm"))
    assert [each.weight for each in found] == [WARNING, WARNING, NOTICE]
    assert [each.line for each in found] == [None, 2, 0]


TEXTS = st.lists(
    st.text(max_size=20)
    | st.sampled_from(
        ["[Verse]", "[Instrumental]", "[a - b, c, d]", "[", "la la", "slow female", "in A minor", "90 bpm"]
    ),
    max_size=8,
).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, st.none() | st.integers(30, 300), st.booleans(), st.none() | st.integers(0, 5000))
def test_every_finding_has_a_place_a_sentence_and_a_hint(
    caption: str, lyrics: str, bpm: int | None, instrumental: bool, tokens: int | None
) -> None:
    for each in findings(Words(caption, lyrics, bpm, None, instrumental, "en", tokens, tokens)):
        assert each.sentence.endswith(".")
        assert each.hint
        assert each.field in ("caption", "lyrics")
        assert each.line is None or 0 <= each.line < len(lines_of(lyrics))
