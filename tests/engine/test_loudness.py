"""Loudness against the signals that ITU-R BS.1770 and EBU Tech 3341 prescribe, with the values they ask for."""

import numpy as np
import pytest

from engine.loudness import loudness

RATE = 48_000


def tone(*parts: tuple[float, float], rate: int = RATE, channels: int = 2, hertz: float = 1000) -> np.ndarray:
    """A sine in every channel, in parts of (level in dBFS, seconds)."""
    level = np.concatenate([np.full(round(seconds * rate), 10 ** (db / 20)) for db, seconds in parts])
    wave = level * np.sin(2 * np.pi * hertz * np.arange(len(level)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 96_000])
def test_full_scale_mono_reference(rate):
    """BS.1770-4, annex 1: 997 Hz at full scale in one channel gives -3.01."""
    assert loudness(tone((0, 5), channels=1, hertz=997, rate=rate), rate) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 60), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_ebu_minimum_requirements(parts, expected):
    """EBU Tech 3341, table 1, cases 1 to 5: within 0.1 LU."""
    assert loudness(tone(*parts), RATE) == pytest.approx(expected, abs=0.1)


def test_one_channel_alone_is_three_quieter_than_both():
    both = tone((-20, 5))
    one = both * np.array([[1], [0]], dtype=np.float32)
    assert loudness(both, RATE) - loudness(one, RATE) == pytest.approx(3.01, abs=0.01)


def test_blocks_equal_the_recursive_filter():
    """The whole filter, written as the standard writes it, on a signal with all frequencies and several blocks."""
    noise = np.random.default_rng(7).standard_normal((1, int(2.35 * RATE))).astype(np.float32) * 0.1
    filtered = noise[0].astype(np.float64)
    for b, a in (
        ([1.53512485958697, -2.69169618940638, 1.19839281085285], [-1.69065929318241, 0.73248077421585]),
        ([1.0, -2.0, 1.0], [-1.99004745483398, 0.99007225036621]),
    ):
        filtered = _biquad(filtered, b, a)
    windows = [filtered[start : start + 19_200] for start in range(0, len(filtered) - 19_200 + 1, 4_800)]
    expected = -0.691 + 10 * np.log10(np.mean([np.mean(window**2) for window in windows]))
    assert loudness(noise, RATE) == pytest.approx(expected, abs=1e-4)


def _biquad(signal, b, a):
    x1 = x2 = y1 = y2 = 0.0
    output = []
    for x in signal.tolist():
        y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2
        x1, x2, y1, y2 = x, x1, y, y1
        output.append(y)
    return np.array(output)


def test_nothing_to_measure():
    assert loudness(np.zeros((2, RATE), np.float32), RATE) is None
    assert loudness(tone((-75, 1)), RATE) is None
    assert loudness(tone((0, 0.39)), RATE) is None
    assert loudness(np.zeros((2, 0), np.float32), RATE) is None
    assert loudness(tone((0, 0.4)), RATE) is not None
