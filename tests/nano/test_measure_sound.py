"""The estimators against clicks, chords and noise whose tempo, key and class are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.values import PITCHES
from tools.nano.measure import metre, spectra, style
from tools.nano.measure.key import RELATIONS, key, relation
from tools.nano.measure.tempo import RANGE, tempo, tempo_error

RATE = 48_000
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)


def clicks(bpm: float, seconds: float = 12.0) -> np.ndarray:
    """A drum machine's bar: low on one and three, noise on two and four, a quiet tick between."""
    rng = np.random.default_rng(0)
    t = np.arange(4000) / RATE
    low, high = np.sin(2 * np.pi * 60 * t) * np.exp(-30 * t), rng.standard_normal(4000) * np.exp(-60 * t)
    audio = np.zeros(round(seconds * RATE) + 8000)
    for half in range(int(seconds * bpm / 30)):
        start = round(half * 30 / bpm * RATE)
        sound = 0.05 * high if half % 2 else 0.8 * low if half % 4 == 0 else 0.3 * high
        audio[start : start + 4000] += sound
    return audio[: round(seconds * RATE)].astype(np.float32)


def chords(roots: list[tuple[int, tuple[int, ...]]], detuned: float = 0.0) -> np.ndarray:
    """A second of each chord (semitones above C), with overtones and its root in the bass."""
    t = np.arange(RATE) / RATE
    parts = []
    for root, shape in roots:
        notes = [48 + root + each for each in shape] + [36 + root]
        hertz = [440 * 2 ** ((note - 69 + detuned) / 12) for note in notes]
        parts.append(sum(np.sin(2 * np.pi * f * h * t) / h**1.5 for f in hertz for h in range(1, 6)) * np.exp(-2 * t))
    return (0.1 * np.concatenate(parts)).astype(np.float32)


def cadences(tonic: int, mode: str, detuned: float = 0.0) -> np.ndarray:
    third = MAJOR if mode == "major" else MINOR
    four = [(tonic, third), ((tonic + 5) % 12, third), ((tonic + 7) % 12, MAJOR), (tonic, third)]
    return chords(four * 2, detuned)


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
    assert np.isfinite(style.features(audio)).all()


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
    heard, tonality, description = tempo(audio, rate), key(audio, rate), style.features(audio, rate)
    assert RANGE[0] <= heard.bpm <= RANGE[1]
    assert 0 <= heard.confidence <= 1
    assert 0 <= tonality.confidence <= 1
    assert relation(tonality.name, "C major") in RELATIONS
    assert description.shape == (style.FEATURES,)
    assert np.isfinite(description).all()


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


def sounds(count: int, first: int) -> tuple[np.ndarray, list[str]]:
    """Features of quiet and loud, fast and slow drums, and of chords."""
    kinds = {
        "slow": lambda i: clicks(70 + i % 7, 4.0),
        "fast": lambda i: clicks(150 + i % 7, 4.0),
        "chords": lambda i: cadences(i % 12, "minor")[: 4 * RATE],
    }
    labels = [list(kinds)[i % 3] for i in range(first, first + count)]
    rows = [style.features(kinds[label](i) * (0.1 + 0.1 * (i % 5))) for i, label in enumerate(labels, first)]
    return np.stack(rows), labels


def test_styles_are_learned_kept_and_recognised(tmp_path):
    known, labels = sounds(18, 0)
    classifier = style.train(known, labels, seed=1)
    classifier.save(tmp_path / "style.npz")
    loaded = style.Classifier.load(tmp_path / "style.npz")
    fresh, truth = sounds(9, 100)
    assert [loaded.predict(row) for row in fresh] == truth
    assert style.accuracy(loaded, fresh, truth) == dict.fromkeys(("", "chords", "fast", "slow"), 1.0)
    np.testing.assert_array_equal(loaded.probabilities(fresh), classifier.probabilities(fresh))
    np.testing.assert_array_equal(style.train(known, labels, seed=1).weight, classifier.weight)


def test_loudness_is_no_style():
    drums = clicks(120, 4.0)
    np.testing.assert_allclose(style.levels(drums), style.levels(drums / 8), atol=0.01)


def test_what_is_no_classifier_is_refused(tmp_path):
    with pytest.raises(EngineError, match="not a style classifier"):
        style.Classifier.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(EngineError, match="not a style classifier"):
        style.Classifier.load(tmp_path / "text.npz")
    zeros = np.zeros(1, np.float32)
    style.Classifier(("a",), zeros, zeros, np.zeros((1, 1), np.float32), zeros).save(tmp_path / "old.npz")
    with pytest.raises(EngineError, match="other features"):
        style.Classifier.load(tmp_path / "old.npz")
    with pytest.raises(ValueError, match="0 labels"):
        style.train(np.zeros((2, style.FEATURES), np.float32), [], 0)


def test_the_level_of_the_metre_is_learned_and_kept(tmp_path, monkeypatch):
    """Songs whose beat is the candidate that is most alike two beats apart, in one band."""
    rng = np.random.default_rng(0)
    cases = [rng.random((int(rng.integers(2, 6)), metre.EVIDENCE)).astype(np.float32) for _ in range(60)]
    right = [int(np.argmax(case[:, 7])) for case in cases]
    learned = metre.learn(cases, right, seed=0)
    assert int(np.argmax(np.abs(learned))) == 7
    monkeypatch.setattr(metre, "LEARNED", tmp_path / "metre.json")
    metre.keep(learned)
    np.testing.assert_allclose(metre.weights(), learned, rtol=0.006)
    monkeypatch.undo()
    metre.weights.cache_clear()


def test_what_was_learned_lies_beside_the_code():
    assert metre.weights().shape == (metre.EVIDENCE,)
    assert np.isfinite(metre.weights()).all()
