"""Value lists and their normal forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import values

PUBLISHED_LANGUAGES = (
    "ar az bg bn ca cs da de el en es fa fi fr he hi hr ht hu id is it ja ko la lt ms ne nl no pa pl pt ro ru sa sk sr "
    "sv sw ta te th tl tr uk ur vi yue zh unknown"
)
PUBLISHED_TURBO_TIMESTEPS = (
    *(1.0, 0.9545454545454546, 0.9333333333333333, 0.9, 0.875, 0.8571428571428571, 0.8333333333333334),
    *(0.7692307692307693, 0.75, 0.6666666666666666, 0.6428571428571429, 0.625, 0.5454545454545454, 0.5, 0.4),
    *(0.375, 0.3, 0.25, 0.2222222222222222, 0.125),
)


def test_the_languages_are_the_published_ones_in_their_order() -> None:
    assert " ".join(values.LANGUAGES) == PUBLISHED_LANGUAGES
    assert len(values.LANGUAGES) == 51


def test_the_turbo_timesteps_are_the_published_floats() -> None:
    assert values.TURBO_TIMESTEPS == PUBLISHED_TURBO_TIMESTEPS


def test_there_are_twelve_tracks_and_every_tag_is_in_brackets() -> None:
    assert len(values.TRACKS) == 12
    assert all(tag[0] + tag[-1] == "[]" for group in values.STRUCTURE_TAGS.values() for tag in group)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Am", "A minor"),
        ("C Major", "C major"),
        ("B♭ major", "Bb major"),
        ("f# minor", "F# minor"),
        ("bb minor", "Bb minor"),
        ("b", "B major"),
        ("Bm", "B minor"),
        ("CM", "C major"),
        ("Ebmaj", "Eb major"),
        ("g-flat min", "Gb minor"),
        ("A sharp minor", "A# minor"),
        ("  D♯  MINOR ", "D# minor"),
        ("", None),
        ("N/A", None),
    ],
)
def test_keys_have_one_stored_form(written: str, stored: str | None) -> None:
    assert values.keyscale(written) == stored


@pytest.mark.parametrize("accidental", ["", "#", "b", "♯", "♭"])
@pytest.mark.parametrize("mode", values.MODES)
@pytest.mark.parametrize("note", "ABCDEFG")
def test_every_published_key_is_known(note: str, accidental: str, mode: str) -> None:
    stored = values.keyscale(f"{note}{accidental} {mode}")
    assert stored in values.KEYSCALES
    assert stored.isascii()
    assert values.keyscale(stored) == stored


@pytest.mark.parametrize("written", ["H major", "C dorian", "C##", "major", "A ſharp", "C major minor"])
def test_other_keys_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="note from A to G"):
        values.keyscale(written)


@pytest.mark.parametrize(
    ("written", "stored"), [("4/4", "4"), ("6/8", "6"), ("3", "3"), (" 2 / 4 ", "2"), ("", None), ("N/A", None)]
)
def test_time_signatures_have_one_stored_form(written: str, stored: str | None) -> None:
    assert values.time_signature(written) == stored


@pytest.mark.parametrize("written", ["5", "5/4", "12/8", "3/8", "four"])
def test_other_time_signatures_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="2, 3, 4, 6"):
        values.time_signature(written)


@pytest.mark.parametrize(("written", "code"), [("EN", "en"), ("german", "de"), ("", "unknown"), (" yue ", "yue")])
def test_languages_are_known_by_code_and_by_name(written: str, code: str) -> None:
    assert values.language(written) == code


def test_tracks_are_known_however_they_are_spelled() -> None:
    assert values.track("Backing Vocals") == values.track("backing-vocals") == "backing_vocals"
    with pytest.raises(ValueError, match="woodwinds"):
        values.track("kazoo")


@given(st.lists(st.integers(0, values.HIGHEST_CODE), max_size=20))
def test_codes_are_read_from_every_published_form(codes: list[int]) -> None:
    tokens = "".join(f"<|audio_code_{code}|>" for code in codes)
    for written in (codes, tuple(codes), tokens, ", ".join(map(str, codes)), f" {tokens}\n"):
        assert values.parse_codes(written) == tuple(codes)


@pytest.mark.parametrize(
    "written",
    [
        "<|audio_code_64000|>",
        "1, x",
        "-1",
        "1.5",
        [True],
        [1.0],
        [64000],
        [-1],
        None,
        5,
        "9" * 9999,
        [10**9999],
        [[1]],
        "1 " * 3001,
        "٣",
    ],
)
def test_anything_else_is_not_a_code(written: object) -> None:
    with pytest.raises(ValueError, match="must"):
        values.parse_codes(written)


def test_a_code_may_be_written_with_zeros_before_it() -> None:
    assert values.parse_codes("<|audio_code_00000000017|>") == (17,)
