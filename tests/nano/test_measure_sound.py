"""The classifier of styles, and how the level of the metre is learned, on sounds that are known."""

import numpy as np
import pytest

from engine.errors import EngineError
from engine.scoring import metre
from tests.engine.scoring.known_sounds import RATE, cadences, clicks
from tools.nano.measure import style
from tools.nano.measure.learn import keep_metre, learn_metre


@pytest.mark.parametrize("samples", [0, 1, 50, 700, 12_000])
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_silence_and_short_files_have_features(samples, channels):
    audio = np.zeros((channels, samples) if channels else samples, np.float32)
    assert np.isfinite(style.features(audio)).all()


@pytest.mark.parametrize("level", [1e-9, 1e-3, 1.0, 1e4])
def test_features_of_broken_noise_are_finite(level):
    audio = (level * np.random.default_rng(0).standard_normal((2, 30_000))).astype(np.float32)
    audio[0, 7], audio[1, 8] = np.nan, -np.inf
    description = style.features(audio)
    assert description.shape == (style.FEATURES,)
    assert np.isfinite(description).all()


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
    learned = learn_metre(cases, right, seed=0)
    assert int(np.argmax(np.abs(learned))) == 7
    monkeypatch.setattr(metre, "LEARNED", tmp_path / "metre.json")
    keep_metre(learned)
    np.testing.assert_allclose(metre.weights(), learned, rtol=0.006)
    monkeypatch.undo()
    metre.weights.cache_clear()
