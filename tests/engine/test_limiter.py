"""Loudness targets and true peaks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.audio import RATE
from engine.limiter import limited, true_peak, with_loudness
from engine.loudness import loudness

CEILING = 10 ** (-1 / 20)


def music(seconds: float = 4.0) -> np.ndarray:
    """Noise in pulses over a tone: peaks far above its mean."""
    at = np.arange(round(seconds * RATE)) / RATE
    pulses = np.random.default_rng(0).normal(0, 0.25, (2, len(at))) * np.exp(-30 * (at % 0.5))
    return (0.1 * np.sin(2 * np.pi * 220 * at) + pulses).clip(-1, 1).astype(np.float32)


def test_a_peak_between_samples_is_found() -> None:
    at = np.arange(RATE)
    sine = np.sin(2 * np.pi * at / 4 + np.pi / 4).astype(np.float32)[None]  # its samples never pass 0.707
    assert np.abs(sine).max() == pytest.approx(0.7071, abs=1e-3)
    middle = sine[:, 1000:-1000] * 1.0
    assert true_peak(np.pad(middle * np.hanning(middle.shape[1]).astype(np.float32), 100), RATE) == pytest.approx(
        1.0, abs=0.01
    )


def test_what_passes_nothing_stays_as_it_is() -> None:
    quiet = music() * np.float32(0.1)
    assert limited(quiet, RATE, CEILING) is quiet


def test_peaks_are_held_down_and_what_is_quiet_is_left_alone() -> None:
    loud = music() * np.float32(2.5)
    held = limited(loud, RATE, CEILING)
    assert true_peak(held, RATE) <= CEILING + 1e-6
    untouched = np.abs(held - loud).max(axis=0) < 1e-6
    assert 0.2 < untouched.mean() < 1.0
    turned = np.abs(loud).max(axis=0) > 0.05
    gain = held[0, turned] / np.where(np.abs(loud[0, turned]) > 1e-3, loud[0, turned], 1)
    assert np.isfinite(gain).all()


@pytest.mark.parametrize("target", [-30.0, -20.0, -14.0])
def test_a_loudness_is_reached_below_the_ceiling(target: float) -> None:
    brought, reached = with_loudness(music(), RATE, target)
    assert reached == pytest.approx(target, abs=0.2)
    assert loudness(brought, RATE) == pytest.approx(reached)
    assert true_peak(brought, RATE) <= CEILING + 1e-6


def test_what_has_no_loudness_stays() -> None:
    silence = np.zeros((2, RATE), dtype=np.float32)
    assert with_loudness(silence, RATE, -14.0) == (silence, None)
