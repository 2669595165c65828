"""Takes judged by listening: what is asked and heard, what repeats, what is a copy; on music whose truth is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from engine.scoring import outline
from engine.scoring.agreement import Heard, as_asked, asked
from engine.scoring.judging import judge
from engine.scoring.spectra import one_channel
from tools.nano.music import STYLES, compose, render

RATE = 48_000
Audio = npt.NDArray[np.float32]


@cache
def song(seed: int, **like: object) -> Audio:
    return np.asarray(render(compose(seed, duration=20.0, **like)), np.float32)  # type: ignore[arg-type]


def outlined(audio: Audio) -> npt.NDArray[np.float32]:
    return outline.outline(one_channel(audio, RATE, outline.RATE))


def apart(one: Audio, other: Audio) -> float:
    """The share of bits in which two fingerprints differ."""
    first, second = (int(outline.fingerprint(outlined(audio)), 16) for audio in (one, other))
    return (first ^ second).bit_count() / 512


SURE = Heard(bpm=120.0, bpm_confidence=0.9, keyscale="A minor", key_confidence=0.3)


@pytest.mark.parametrize(
    ("bpm", "keyscale", "parts"),
    [
        (120, "A minor", {"tempo": 1.0, "key": 1.0}),
        (120.6, "C major", {"tempo": 1.0, "key": 0.3}),
        (125.0, None, {"tempo": 0.533}),  # 4 % beside it: (8 - 4) / 7.5
        (61.2, None, {"tempo": 0.403}),  # 120 is 1.961 times that, 1.96 % beside double: .5 x (8 - 1.96) / 7.5
        (60, "E minor", {"tempo": 0.5, "key": 0.5}),
        (80, "A major", {"tempo": 0.25, "key": 0.2}),
        (100, "F# major", {"tempo": 0.0, "key": 0.0}),
        (None, None, {}),
        (None, "H minor", {}),
        (0, "", {}),
    ],
)
def test_what_was_asked_is_compared_with_what_is_heard(bpm: object, keyscale: object, parts: dict[str, float]) -> None:
    assert as_asked(SURE, bpm, keyscale) == parts


def test_what_is_not_heard_surely_is_missing() -> None:
    assert as_asked(Heard(120.0, 0.01, "A minor", 0.001), 120, "A minor") == {}


def test_a_persons_wish_goes_before_the_planners() -> None:
    plan = {"bpm": 90, "keyscale": "D major"}
    assert asked({"bpm": 100, "cot_bpm": 80}, plan, "bpm") == 100
    assert asked({"bpm": None, "cot_bpm": 80}, plan, "bpm") == 80
    assert asked({"keyscale": "", "cot_keyscale": None}, plan, "keyscale") == "D major"
    assert asked({}, None, "bpm") is None


def test_a_song_is_heard_as_what_it_is() -> None:
    piece = compose(11, duration=20.0)
    request = {"lyrics": "[Instrumental]", "bpm": piece.bpm, "keyscale": piece.key}
    found = judge(song(11), RATE, request, duration=20.0)
    assert not found.faults
    assert found.parts["tempo"] == 1.0
    assert found.measured["bpm"] == pytest.approx(piece.bpm, rel=0.02)
    assert found.measured["true_peak"] < 1.0
    assert found.overall.score is not None
    wrong = judge(song(11), RATE, {**request, "bpm": round(piece.bpm * 1.2)}, duration=20.0)
    assert wrong.parts["tempo"] == 0.0
    assert wrong.overall.score < found.overall.score  # type: ignore[operator]


def test_what_is_empty_or_broken_is_not_listened_to() -> None:
    for audio in (np.zeros((2, 0), "f4"), np.zeros((2, RATE), "f4"), np.full((2, RATE), np.nan, "f4")):
        found = judge(audio, RATE)
        assert found.faults
        assert found.parts == {"signal": 0.0}
        assert found.measured == {}
        assert found.overall.score is None


def test_music_that_is_one_loop_is_found_and_songs_are_not() -> None:
    bars = song(11)[:, : 4 * RATE]
    looped = judge(np.tile(bars, 8), RATE)
    assert [fault.name for fault in looped.faults] == ["repeated"]
    assert looped.parts["signal"] == 0
    assert looped.measured["repeated"] > 0.95
    assert "the same 4 s" in looped.faults[0].words


@pytest.mark.parametrize("style", STYLES)
def test_music_of_every_kind_passes(style: str) -> None:
    found = judge(song(31, style=style), RATE, duration=20.0)
    assert not found.faults
    assert found.parts["signal"] > 0.4
    assert found.measured["repeated"] < 0.9


def test_repetition_never_makes_it_better() -> None:
    """The trap: a loop has the clearest beat and the clearest key of all."""
    piece = compose(11, duration=20.0)
    request = {"lyrics": "[Instrumental]", "bpm": piece.bpm, "keyscale": piece.key}
    whole, bar = song(11), round(4 * 60 / piece.bpm * RATE)
    looped = np.tile(whole[:, 2 * bar : 4 * bar], 12)[:, : whole.shape[1]]
    honest, trap = (judge(audio, RATE, request) for audio in (whole, looped))
    assert trap.parts["signal"] < honest.parts["signal"]
    assert trap.faults
    assert trap.overall.score < honest.overall.score  # type: ignore[operator]


def test_a_true_peak_far_above_full_scale_is_a_fault() -> None:
    audio = song(11).copy()
    # Ones and minus ones in pairs, a quarter of a period off the samples: the wave between them is 3 dB higher.
    audio[:, RATE : RATE + 4000] = np.tile(np.float32([0.99, 0.99, -0.99, -0.99]), 1000)
    found = judge(audio, RATE)
    assert found.measured["true_peak"] == pytest.approx(20 * np.log10(0.99 * 2**0.5), abs=0.2)
    assert "over" in {fault.name for fault in found.faults}


def test_a_copy_is_told_from_another_take() -> None:
    piece, rng = song(21), np.random.default_rng(0)
    noisy = piece + np.float32(0.003) * rng.standard_normal(piece.shape).astype("f4")
    assert apart(piece, piece * np.float32(0.5)) < 0.02
    assert apart(piece, noisy) < 0.1
    known = compose(21, duration=20.0)
    sister = song(22, style=known.style, bpm=known.bpm, key=known.key, meter=known.meter)
    assert apart(piece, sister) > 0.2
    assert apart(piece, song(23)) > 0.3


def test_what_is_too_short_has_no_fingerprint() -> None:
    assert outline.fingerprint(outlined(song(21)[:, : RATE // 2])) == ""
    assert outline.repeated(outlined(song(21)[:, : 5 * RATE])) == (0.0, 0.0)
