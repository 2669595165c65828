"""Reading what a planner wrote: everything that can be understood, and nothing that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Request
from engine.planner.plan import Plan, repeated
from engine.planner.reasoning import Reasoning, read, think_block

WHOLE = (
    "<think>\nbpm: 120\ncaption: A driving synthwave track with\n  a bright lead\n\n  and drums\nduration: 180\n"
    "keyscale: C major\nlanguage: en\ntimesignature: 4\n</think>\n\n"
)
READ = {
    "bpm": 120,
    "caption": "A driving synthwave track with a bright lead and drums",
    "duration": 180,
    "keyscale": "C major",
    "language": "en",
    "timesignature": "4",
}


def test_everything_at_once() -> None:
    assert read(WHOLE + "<|audio_code_12|><|audio_code_7|><|im_end|>") == Reasoning(READ, "", (12, 7))


def test_a_block_that_was_never_closed() -> None:
    assert read(WHOLE.partition("</think>")[0]).metadata == READ
    assert read("bpm: 90\nkeyscale: Am\n<|audio_code_1|>bpm: 100").metadata == {"bpm": 90, "keyscale": "A minor"}


@pytest.mark.parametrize(
    ("line", "metadata"),
    [
        ("language: 'no'", {"language": "no"}),
        ("language: no", {"language": "no"}),
        ("vocal_language: de", {"language": "de"}),
        ("caption: 'jazz: it''s slow'", {"caption": "jazz: it's slow"}),
        ("caption: 'jazz: it''s\n  slow'", {"caption": "jazz: it's slow"}),
        ('caption: "a\\tb: c"', {"caption": "a\tb: c"}),
        ('caption: "', {"caption": '"'}),
        ("caption: a\u0007b\ufffdc", {"caption": "abc"}),
        ("bpm: 120.0", {"bpm": 120}),
        ("bpm: fast", {}),
        ("bpm: 9999", {}),
        ("bpm: inf", {}),
        ("bpm: 1e999", {}),
        ("duration: 5", {}),
        ("keyscale: H major", {}),
        ("keyscale: B♭ minor", {"keyscale": "Bb minor"}),
        ("timesignature: 4/4", {"timesignature": "4"}),
        ("timesignature: 7", {}),
        ("language: xx", {}),
        ("BPM: 100", {"bpm": 100}),
        ("genres: jazz", {}),
        ("caption: N/A", {}),
        ("<audio>: 3", {}),
        ("  indented: without a field", {}),
        ("no colon here", {}),
        ("caption:\n  on the next line", {"caption": "on the next line"}),
    ],
)
def test_lines(line: str, metadata: dict[str, object]) -> None:
    assert read(f"<think>\n{line}\n</think>").metadata == metadata


@pytest.mark.parametrize(
    "tail",
    [
        "\n\n# Lyric\n[Verse]\nla la<|im_end|>",
        "\n# Lyrics\n[Verse]\nla la",
        "# LYRIC:\n[Verse]\nla la\n\n<|im_end|>\n<|im_start|>",
        "\n\n# Languages\nen\n\n# Lyric\n[Verse]\nla la",
        "[Verse]\r\nla la",
    ],
)
def test_lyrics_without_their_headers(tail: str) -> None:
    assert read(f"<think>\nbpm: 90\n</think>{tail}").lyrics == "[Verse]\nla la"


def test_lyrics_that_begin_with_a_mark_are_kept() -> None:
    assert read("<think>\n</think>\n\n# Lyrical things\nla").lyrics == "# Lyrical things\nla"


@settings(max_examples=300, deadline=None)
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            ("<think>", "</think>", "\n", "bpm: ", "caption: ", "'", '"', "9" * 400, "<|audio_code_1|>", " ", "\u2028")
        )
    ).map("".join)
)
def test_anything_can_be_read_and_is_a_request(text: str) -> None:
    found = read(text)
    plan = Plan.of(found, seed=1)
    planned = plan.onto(Request())
    assert Request.from_dict(planned.to_dict()) == planned


WORDS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=120)


@settings(max_examples=200, deadline=None)
@given(WORDS)
def test_what_is_written_is_read_again(caption: str) -> None:
    caption = " ".join(caption.replace("\x85", " ").split()).strip("'\"\ufffd")
    found = read(think_block(READ | {"caption": caption})).metadata
    if (
        caption
        and caption.lower() not in ("n/a", "none", "null")
        and "\ufffd" not in caption
        and "\ufeff" not in caption
    ):
        assert "".join(str(found["caption"]).split()) == "".join(caption.split()) or caption.isdigit()
    assert {**found, "caption": ""} == READ | {"caption": ""}


# --- codes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "share"),
    [
        ((), 0),
        ((1, 2, 3, 4), 0),
        ((7,) * 10, 0.9),
        ((1, 1, 1, 2, 3, 4), 0),
        (tuple(range(10)) * 2, 0.5),
        (tuple(range(100)), 0),
    ],
)
def test_repetition_is_seen(codes: tuple[int, ...], share: float) -> None:
    assert repeated(codes) == pytest.approx(share)


def test_a_draft_that_repeats_itself_is_worth_less_however_likely() -> None:
    varied = Plan(seed=1, codes=tuple(range(50)), likelihood=-3.0)
    stuck = Plan(seed=2, codes=(5,) * 50, likelihood=-0.1)
    assert varied.merit > stuck.merit
