"""The estimators of tempo and key against clicks, chords and noise that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scoring import metre, spectra
from engine.scoring.agreement import RELATIONS, relation
from engine.scoring.key import key
from engine.scoring.tempo import RANGE, tempo, tempo_error
from engine.values import PITCHES
from tests.engine.scoring.known_sounds import RATE, cadences, clicks


@pytest.mark.parametrize("bpm", [63, 84, 97.5, 120, 133, 150, 171])
def test_tempo_of_a_beat(bpm):
    heard = tempo(clicks(bpm))
    error = tempo_error(heard.bpm, bpm)
    assert error.right or error.octave
    level = 2.0 ** round(np.log2(heard.bpm / bpm))
    assert heard.bpm / level == pytest.approx(bpm, rel=0.003)
    assert heard.confidence > 0.3


def test_tempo_is_the_same_in_stereo_and_at_another_rate():
    beat = clicks(120)
    assert tempo(np.stack([beat, beat])) == tempo(beat)
    ratio = tempo(beat[::2], RATE // 2).bpm / tempo(beat).bpm
    # Clicks are no music: which level of their metre is the beat was learnt from songs, and may go either way.
    assert ratio / 2.0 ** round(np.log2(ratio)) == pytest.approx(1, rel=0.005)


@pytest.mark.parametrize(
    ("measured", "right", "octave", "metrical"),
    [
        (100, True, False, False),
        (103.9, True, False, False),
        (96.1, True, False, False),
        (105, False, False, False),
        (200, False, True, False),
        (51, False, True, False),
        (150, False, False, True),
        (67, False, False, True),
        (300, False, False, True),
        (33.4, False, False, True),
        (125, False, False, False),
    ],
)
def test_tempo_errors(measured, right, octave, metrical):
    error = tempo_error(measured, 100)
    assert (error.right, error.octave, error.metrical) == (right, octave, metrical)
    assert error.ratio_error == pytest.approx(measured / 100 - 1)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_key_of_a_cadence(tonic, mode):
    heard = key(cadences(tonic, mode))
    assert heard.name == f"{PITCHES[tonic]} {mode}"
    assert 0 < heard.confidence <= 1


@pytest.mark.parametrize("detuned", [-0.35, 0.3])
def test_key_of_an_instrument_out_of_tune(detuned):
    assert key(cadences(9, "minor", detuned)).name == "A minor"


def test_key_under_drums():
    music = cadences(2, "major")
    assert key(music + clicks(120, 8.0)[: len(music)]).name == "D major"


@pytest.mark.parametrize(
    ("measured", "asked", "expected"),
    [
        ("A minor", "A minor", "same"),
        ("A# minor", "Bb minor", "same"),
        ("B major", "Cb major", "same"),
        ("C major", "A minor", "relative"),
        ("A minor", "C major", "relative"),
        ("G major", "C major", "fifth"),
        ("F major", "C major", "fifth"),
        ("E minor", "A minor", "fifth"),
        ("A major", "A minor", "parallel"),
        ("D major", "C major", "other"),
        ("E minor", "C major", "other"),
    ],
)
def test_relations_of_keys(measured, asked, expected):
    assert relation(measured, asked) == expected


def test_relations_are_mutual():
    keys = [f"{pitch} {mode}" for pitch in PITCHES for mode in ("major", "minor")]
    for one in keys:
        found = [relation(one, other) for other in keys]
        assert found == [relation(other, one) for other in keys]
        assert [found.count(kind) for kind in RELATIONS] == [1, 1, 2, 1, 19]


def test_a_word_is_no_key():
    with pytest.raises(ValueError, match="note from A to G"):
        relation("loud", "A minor")
    with pytest.raises(ValueError, match="such as"):
        relation("A minor", "")


@pytest.mark.parametrize("samples", [0, 1, 50, 700, 12_000])
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_silence_and_short_files_have_no_tempo_and_no_key(samples, channels):
    audio = np.zeros((channels, samples) if channels else samples, np.float32)
    assert tempo(audio).confidence == 0
    assert key(audio).confidence == 0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(0, 60_000),
    channels=st.sampled_from([None, 1, 2]),
    level=st.sampled_from([1e-9, 1e-3, 1.0, 1e4]),
    rate=st.sampled_from([8000, 44_100, 48_000]),
    broken=st.booleans(),
)
def test_estimates_are_finite_and_in_range(seed, samples, channels, level, rate, broken):
    rng = np.random.default_rng(seed)
    shape = (channels, samples) if channels else (samples,)
    audio = (level * rng.standard_normal(shape)).astype(np.float32)
    if broken and samples:
        audio[..., rng.integers(samples)] = rng.choice([np.nan, np.inf, -np.inf])
    heard, tonality = tempo(audio, rate), key(audio, rate)
    assert RANGE[0] <= heard.bpm <= RANGE[1]
    assert 0 <= heard.confidence <= 1
    assert 0 <= tonality.confidence <= 1
    assert relation(tonality.name, "C major") in RELATIONS


def test_shapes_that_are_no_audio_are_refused():
    with pytest.raises(ValueError, match="audio must be"):
        tempo(np.zeros((1, 2, 3), np.float32))
    with pytest.raises(ValueError, match="at 0"):
        key(np.zeros(100, np.float32), 0)


def test_a_full_scale_sine_has_magnitude_one():
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    found = spectra.magnitudes(sine, 960, 240)
    assert found.shape == (RATE // 240 + 1, 481)
    assert found[100, 20] == pytest.approx(1, abs=1e-3)


def test_no_mel_band_is_empty():
    bank = spectra.mel_bank(80, 256, 24_000, 20, 12_000)
    np.testing.assert_allclose(bank.sum(axis=0), 1, rtol=1e-5)


def test_what_was_learned_lies_beside_the_code():
    assert metre.weights().shape == (metre.EVIDENCE,)
    assert np.isfinite(metre.weights()).all()
