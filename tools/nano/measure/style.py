"""The style of music: statistics of sound and rhythm, and a small classifier that is trained on synthesised songs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.audio import RATE
from engine.errors import EngineError
from engine.files import atomic_write
from engine.scoring.onsets import FRAME_RATE, envelope
from engine.scoring.spectra import Float, magnitudes, mel_bank, one_channel
from engine.scoring.tempo import PREFERRED, tempo_of_onsets

_RATE = 24_000
_SIZE = 1024
_HOP = 240
_MELS = 40
_FLOOR_DB = 70.0  # below the loudest
_GROUPS = 8  # of mel bands, for what changes with time
_MODULATIONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # Hz, edges
_ENVELOPE_BAND = 0.05

FEATURES = 3 * _MELS + _GROUPS * (len(_MODULATIONS) - 1) + 2 * 6 + 2

_STEPS = 600
_RATE_OF_LEARNING = 0.02
_DECAY = 2e-3
_JITTER = 0.3  # standard deviations: a model's take never sounds quite like a song


def features(audio: npt.NDArray[np.floating], rate: int = RATE) -> Float:
    """What styles differ in, [FEATURES], finite: audio [N] or [channels, N]. How loud it is as a whole does not count.

    Level, spread and movement of each mel band in dB; how fast groups of bands pulse; onsets a band; the tempo.
    """
    return joined(*parts(audio, rate))


def parts(audio: npt.NDArray[np.floating], rate: int = RATE) -> tuple[Float, Float]:
    """``features`` without the tempo's two, and the onsets that these are heard in."""
    level = levels(audio, rate)
    grouped = level.reshape(len(level), _GROUPS, -1).mean(axis=2)
    moved = np.diff(level, axis=0) if len(level) > 1 else np.zeros_like(level)
    bands = envelope(audio, rate)
    strong = np.diff((bands > _ENVELOPE_BAND).astype(np.int8), axis=1) > 0
    seconds = max(bands.shape[1] / FRAME_RATE, 1.0)
    sound = (
        level.mean(axis=0),
        level.std(axis=0),
        moved.std(axis=0),
        _modulation(grouped),
        10 * bands.mean(axis=1),
        strong.sum(axis=1) / seconds,
    )
    return np.concatenate([np.asarray(part, np.float32).ravel() for part in sound]), bands


def joined(sound: Float, bands: Float) -> Float:
    """Features of both ``parts``."""
    beat = tempo_of_onsets(bands)
    both: Float = np.append(sound, [4 * np.log2(beat.bpm / PREFERRED), 4 * beat.confidence]).astype(np.float32)
    return both


def roughened(audio: npt.NDArray[np.floating]) -> tuple[Float, Float, Float]:
    """A song as it is, with noise 20 dB below it, and with noise 35 dB below it and dull.

    A model's takes are rougher than its songs, and how rough is no style: what learns from all three knows that.
    """
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(audio.shape) * (audio.std() if audio.size else 0.0)
    dull = audio.copy()
    dull[..., 1:] = 0.5 * (audio[..., 1:] + audio[..., :-1])  # 3 dB less at 12 kHz
    first, second, third = (np.asarray(copy, np.float32) for copy in (audio, audio + 0.1 * noise, dull + 0.018 * noise))
    return first, second, third


def levels(audio: npt.NDArray[np.floating], rate: int = RATE) -> Float:
    """Mel levels in dB below the loudest, [frames at 100 a second, 40], from -70 to 0; all -70 for silence."""
    power = np.square(magnitudes(one_channel(audio, rate, _RATE), _SIZE, _HOP)) @ mel_bank(
        _MELS, _SIZE, _RATE, 40, _RATE / 2
    )
    loudest = max(float(power.max(initial=0)), 1e-12)
    below: Float = np.maximum(10 * np.log10(np.maximum(power, 1e-20) / loudest), -_FLOOR_DB).astype(np.float32)
    return below


def _modulation(grouped: Float) -> Float:
    """How strongly each group of bands swings at the rates between ``_MODULATIONS``, dB, [groups, rates]."""
    size = max(len(grouped), 2 * _RATE // _HOP)
    spectrum = np.abs(np.fft.rfft(grouped - grouped.mean(axis=0), size, axis=0)) / max(len(grouped), 1)
    hertz = np.fft.rfftfreq(size, _HOP / _RATE)
    edges = pairwise(_MODULATIONS)
    swings = [np.sqrt(np.square(spectrum[(hertz >= low) & (hertz < high)]).sum(axis=0)) for low, high in edges]
    in_db: Float = (20 * np.log10(np.stack(swings, axis=1) + 0.01)).astype(np.float32)
    return in_db


@dataclass(frozen=True)
class Classifier:
    """A trained linear classifier: softmax of standardised features."""

    styles: tuple[str, ...]
    mean: Float
    """[F]."""

    scale: Float
    """[F]: each feature's standard deviation."""

    weight: Float
    """[F, styles]."""

    bias: Float
    """[styles]."""

    def probabilities(self, features: Float) -> Float:
        """[N, styles] of features [N, F]; each row's sum is 1."""
        return _softmax(_clipped((features - self.mean) / self.scale) @ self.weight + self.bias)

    def predict(self, features: Float) -> str:
        """The style of features [F]."""
        return self.styles[int(np.argmax(self.probabilities(features[None])[0]))]

    def save(self, path: str | Path) -> None:
        """Writes an .npz file, whole or not at all."""
        arrays: dict[str, npt.NDArray[Any]] = {"styles": np.array(self.styles)}
        arrays |= {"mean": self.mean, "scale": self.scale, "weight": self.weight, "bias": self.bias}
        atomic_write(path, lambda file: np.savez(file, allow_pickle=False, **arrays), overwrite=True)

    @classmethod
    def load(cls, path: str | Path) -> Classifier:
        """What ``save`` wrote. Raises EngineError for a file that is missing or something else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                found = {name: file[name] for name in ("mean", "scale", "weight", "bias")}
                styles = tuple(str(style) for style in file["styles"])
        except (OSError, ValueError, KeyError) as cause:
            raise EngineError(
                f"{path} is not a style classifier.", "Make it with `python -m tools.nano.measure style`."
            ) from cause
        if found["weight"].shape != (FEATURES, len(styles)):
            raise EngineError(
                f"{path} was made for other features.", "Make it again with `python -m tools.nano.measure style`."
            )
        return cls(styles, **found)


def train(features: Float, labels: Sequence[str], seed: int) -> Classifier:
    """A classifier from features [N, F] and the style of each row; the same for the same seed.

    Full-batch Adam with weight decay, and noise on the standardised features that is new at every step. Raises
    ValueError where there are not as many labels as rows, or none.
    """
    if len(features) != len(labels) or not len(labels):
        raise ValueError(f"{len(features)} rows of features and {len(labels)} labels")
    styles = tuple(sorted(set(labels)))
    truth = np.eye(len(styles), dtype=np.float32)[[styles.index(label) for label in labels]]
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    rows = _clipped((features - mean) / scale)
    rng = np.random.default_rng(seed)
    weight = np.zeros((features.shape[1] + 1, len(styles)), np.float32)  # the last row is the bias
    first, second = np.zeros_like(weight), np.zeros_like(weight)
    ones = np.ones((len(rows), 1), np.float32)
    for step in range(1, _STEPS + 1):
        noisy = rows + _JITTER * rng.standard_normal(rows.shape, dtype=np.float32)
        inputs = np.concatenate([noisy, ones], axis=1)
        slope = inputs.T @ (_softmax(inputs @ weight) - truth) / len(rows)
        slope[:-1] += _DECAY * weight[:-1]
        first += 0.1 * (slope - first)
        second += 0.001 * (slope**2 - second)
        fair = first / (1 - 0.9**step), second / (1 - 0.999**step)
        weight -= _RATE_OF_LEARNING * (1 - step / (_STEPS + 1)) * fair[0] / (np.sqrt(fair[1]) + 1e-8)
    return Classifier(styles, mean, scale, weight[:-1], weight[-1])


def accuracy(classifier: Classifier, features: Float, labels: Sequence[str]) -> dict[str, float]:
    """The share that is recognised, by style, and over all rows under ""."""
    found = [classifier.styles[i] for i in np.argmax(classifier.probabilities(features), axis=1)]
    right = np.array([one == label for one, label in zip(found, labels, strict=True)])
    by_style = {style: float(right[[label == style for label in labels]].mean()) for style in sorted(set(labels))}
    return {"": float(right.mean()), **by_style}


def _clipped(standardised: Float) -> Float:
    """No single feature may outvote the rest, however far from all songs a take is."""
    clipped: Float = np.clip(standardised, -5, 5)
    return clipped


def _softmax(logits: Float) -> Float:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Float = powers / powers.sum(axis=1, keepdims=True)
    return shares
