"""The quality gate: every kind of damage is found, and music of many kinds is let through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scoring.signal import examine
from tools.nano.music import STYLES, compose, render

RATE = 48_000
Audio = npt.NDArray[np.float32]


def song(style: str, seed: int = 5) -> Audio:
    return np.asarray(render(compose(seed, style=style, duration=16.0)), np.float32)


def noise(seconds: float = 8.0, seed: int = 0) -> Audio:
    """Filtered noise that swells: the dullest thing that is still honest."""
    random = np.random.default_rng(seed)
    white = random.standard_normal((2, int(seconds * RATE)))
    wave = np.stack([np.convolve(channel, np.hanning(32), mode="same") for channel in white])
    swell = 0.5 + 0.4 * np.sin(np.linspace(0, 9, wave.shape[1]))
    return (wave / np.abs(wave).max() * swell).astype(np.float32)


def silence_from(audio: Audio, start: float, end: float) -> Audio:
    damaged = audio.copy()
    damaged[:, int(start * RATE) : int(end * RATE)] = 0
    return damaged


DAMAGE: dict[str, Callable[[Audio], Audio]] = {
    "nothing in it": lambda audio: audio[:, :0],
    "samples that are no numbers": lambda audio: np.where(np.arange(audio.shape[1]) == 9, np.nan, audio).astype("f4"),
    "silent": lambda audio: audio * np.float32(1e-6),
    "silent until 0:06": lambda audio: silence_from(audio, 0, 6),
    "silent from 0:05 to 0:10": lambda audio: silence_from(audio, 5, 10),
    "silent from 0:06": lambda audio: silence_from(audio, 6, 16),
    "times a second": lambda audio: np.clip(audio * 8, -0.9, 0.9),
    "constant offset": lambda audio: audio + np.float32(0.1),
    "only the left channel": lambda audio: audio * np.float32([[1], [0]]),
    "channels cancel": lambda audio: audio[:1] * np.float32([[1], [-1]]),
    "again and again": lambda audio: np.tile(audio[:, 240_000 : 240_000 + 24_000], 32),
    "nothing moves": lambda audio: np.tile(audio[:, 240_000 : 240_000 + 960], 800),
}


@pytest.fixture(scope="module")
def clean() -> Audio:
    return song(next(iter(STYLES)))


@pytest.mark.parametrize("words", DAMAGE)
def test_damage_is_found(words: str, clean: Audio) -> None:
    heard = examine(DAMAGE[words](clean), RATE)
    assert any(words in fault.words for fault in heard.faults), heard
    assert heard.cleanness == 0


@pytest.mark.parametrize("style", STYLES)
def test_music_is_let_through(style: str) -> None:
    for seed in (1, 2):
        heard = examine(song(style, seed), RATE, asked=16.0)
        assert not heard.faults
        assert heard.cleanness > 0.5


def test_a_wrong_length_is_told(clean: Audio) -> None:
    assert [fault.name for fault in examine(clean, RATE, asked=17.0).faults] == ["short"]
    assert [fault.name for fault in examine(clean, RATE, asked=15.0).faults] == ["long"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.05, 1.0), st.booleans())
def test_noise_is_noise_at_any_level_and_in_mono(seed: int, level: float, mono: bool) -> None:
    audio = noise(6.0, seed) * np.float32(level)
    assert not examine(audio[:1] if mono else audio, RATE).faults


@given(st.integers(1, 3000), st.integers(1, 2))
def test_the_shortest_audio_is_examined_too(samples: int, channels: int) -> None:
    audio = np.random.default_rng(samples).uniform(-0.5, 0.5, (channels, samples)).astype(np.float32)
    assert 0 <= examine(audio, RATE).cleanness <= 1
