"""Distances with known values, and a real MP3."""

import numpy as np
import pytest

from tools.nano.measure.codec import Copy, aligned, mp3_copy, si_sdr, side_by_side, stft_distance

RATE = 48_000


def music(seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """Tones and a little noise, different in both channels."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    tones = [np.sin(2 * np.pi * f * t + f) * np.exp(-(t % 0.5) * 4) for f in (110, 277, 440, 1300)]
    left, right = tones[0] + tones[1], tones[0] + tones[2] + 0.3 * tones[3]
    return (0.2 * np.stack([left, right]) + 0.002 * rng.standard_normal((2, len(t)))).astype(np.float32)


def test_a_copy_of_itself_is_at_no_distance():
    song = music()
    assert stft_distance(song, song).total == 0
    assert si_sdr(song, song) > 100


def test_half_as_loud():
    """Spectral convergence is a half; logarithms above the floor are log 2 apart; SI-SDR does not see it."""
    noise = np.random.default_rng(0).standard_normal((2, RATE)).astype(np.float32) * 0.3
    distance = stft_distance(noise, noise / 2)
    assert distance.spectral_convergence == pytest.approx(0.5, abs=1e-5)
    assert distance.log_magnitude == pytest.approx(np.log(2), abs=0.01)
    assert distance.total == distance.spectral_convergence + distance.log_magnitude
    assert si_sdr(noise, noise / 2) > 100


def test_noise_at_a_known_level():
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((2, RATE))
    assert si_sdr(clean, clean + 0.1 * rng.standard_normal((2, RATE))) == pytest.approx(20, abs=0.2)


def test_what_lies_under_the_floor_does_not_count():
    song = np.zeros((1, RATE), np.float32)
    assert stft_distance(song, song + 1e-6 * np.random.default_rng(0).standard_normal(RATE)).log_magnitude == 0


def test_silence_is_finite():
    song, silence = music(0.2), np.zeros((2, 9600), np.float32)
    for pair in ((song, silence), (silence, song), (silence, silence)):
        assert np.isfinite(stft_distance(*pair).total)
        assert np.isfinite(si_sdr(*pair))


@pytest.mark.parametrize("kbps", [48, 64, 128])
def test_an_mp3_has_its_rate_and_is_in_time(kbps):
    song = music()
    copy = mp3_copy(song, kbps)
    assert copy.audio.shape == song.shape
    assert copy.kbps == pytest.approx(kbps, rel=0.05)
    assert si_sdr(song, copy.audio) > 10
    assert si_sdr(song, copy.audio) > si_sdr(song, np.roll(copy.audio, 1, axis=1))


def test_what_no_mp3_can_hold_is_refused():
    for audio, kbps in ((music(0.1), 8), (music(0.1), 512), (np.zeros((3, 100)), 64), (np.zeros((2, 0)), 64)):
        with pytest.raises(ValueError, match="an MP3 needs"):
            mp3_copy(audio, kbps)


@pytest.mark.parametrize("shift", [-1536, -1, 0, 1, 1105])
def test_a_shifted_copy_is_moved_back(shift):
    song = music(1.0)
    late = np.pad(song, ((0, 0), (2000 + shift, 3000)))[:, 2000:] if shift >= 0 else song[:, -shift:]
    back = aligned(song, late)
    kept = slice(0, RATE) if shift >= 0 else slice(-shift, RATE)
    np.testing.assert_array_equal(back[:, kept], song[:, kept])
    assert back.shape == song.shape


def test_side_by_side_has_a_row_for_each_kind():
    songs = [music(0.5, seed) for seed in range(2)]
    copies = {"itself": [Copy(song, 1536.0) for song in songs], "half": [Copy(song / 2, 1.0) for song in songs]}
    itself, half = side_by_side(songs, copies)
    assert (itself.name, itself.stft, itself.kbps) == ("itself", 0, 1536)
    assert half.spectral_convergence == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(ValueError, match="shorter"):
        side_by_side(songs, {"one": copies["half"][:1]})
    with pytest.raises(ValueError, match="the same"):
        stft_distance(songs[0], songs[1][:, 1:])
