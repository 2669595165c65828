"""What is said of one take, in words."""

from __future__ import annotations

from typing import Any

from acetui.browsing.take_facts import decided, heading, lines
from acetui.browsing.take_rows import row_of
from acetui.looks.signs import ASCII, BRAILLE, PLAIN, UNICODE, Looks
from tests.acetui.scripted_studio import take

LOOKS = Looks(UNICODE, BRAILLE)


def words(told: dict[str, Any], looks: Looks = LOOKS) -> list[str]:
    return [text for text, _ in lines(told, row_of(told), looks, 0.0)]


def test_everything_is_said_the_most_telling_first() -> None:
    told = take(
        41, score=0.871, parts={"lyric_alignment": 0.91, "own": 1.0}, pinned=True, heard=True, rating=4, note="a\nb",
        tags=("keep",), faults=("silent from 1:12",), plan={"vocal_language": "en"},
    )  # fmt: skip
    assert words(told) == [
        "silent from 1:12",
        "score .87   lyrics .91 · own 1.0",
        "96 bpm · A minor · en (planned) · turbo, 8 steps",
        "★ pinned  4 of 5  #keep  ¶ a b",
        "2:04 · revision 1 · -14.2 LUFS · heard",
        "melancholic synthwave, airy pads",
        "made in 3 s   conditions 0.2 s · sampling 2.0 s · decode 1.1 s",
    ]
    assert all(line.isascii() for line in words(told, Looks(ASCII, PLAIN)))


def test_what_is_missing_is_not_said() -> None:
    told = take(1, request={}, identity={}, timings={}, loudness=None, revision=None)
    assert words(told) == ["no score", "model unknown", "2:04 · not heard yet"]
    assert words(take(1, stored="missing audio"))[0] == "its audio is not there"
    assert words(take(1, stored="latents only"))[0] == "its audio is not there; finish makes it again"


def test_who_decided_a_field() -> None:
    asked = take(1, request={"bpm": 96, "keyscale": "", "cot_keyscale": "A minor"}, plan={"timesignature": "4/4"})
    assert decided(asked, "bpm") == (96, False)
    assert decided(asked, "keyscale") == ("A minor", True)
    assert decided(asked, "timesignature") == ("4/4", True)


def test_the_heading_tells_where_it_comes_from() -> None:
    row = row_of(take(46, parent="id41", operation="sibling") | {"parent_number": 41})
    assert heading(row, LOOKS, None) == "46 · neon drive · sibling of 41 · seed 8046"
    assert heading(row, LOOKS, True).endswith("· verified: identical · seed 8046")
    assert heading(row, LOOKS, False).endswith("· verified: not the same · seed 8046")
    sketch = row_of(take(2, identity={"profile": "nano-turbo"}, parent="gone"))
    assert heading(sketch, LOOKS, None) == "2 · neon drive · render of a take that is gone · sketch model · seed 8002"
