"""Audio in and out: every format, levels, bad files, and a disk that fills up."""

import errno
import math
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import soundfile

from engine import audio, encoding
from engine.errors import EngineError, InvalidRequest, RenderFailed

RATE = audio.RATE
LOSSLESS = [name for name, kind in encoding.FORMATS.items() if kind.lossless]
LOSSY = [name for name, kind in encoding.FORMATS.items() if not kind.lossless]


def noise(seconds=0.5, level=0.2, channels=2, seed=0):
    samples = np.random.default_rng(seed).standard_normal((channels, int(seconds * RATE)), dtype=np.float32)
    return np.clip(level * samples, -1, 1)


def tone(seconds=1.0, hertz=440.0, level=0.5, rate=RATE):
    wave = level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def path_for(folder, name):
    return folder / f"take{encoding.FORMATS[name].suffix}"


# What importing costs


def test_importing_needs_no_codec_library():
    code = "import sys, engine.encoding; print(sorted({'soundfile', 'soxr', 'torch', 'scipy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# Round trips


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_read_back_within_half_a_step(tmp_path, name):
    sound = noise()
    encoding.write(path_for(tmp_path, name), sound, format=name)
    back = audio.read(path_for(tmp_path, name))
    bits = encoding.FORMATS[name].bits
    tolerance = 0 if bits == 32 else 0.5 / 2 ** (bits - 1)
    inside = np.abs(sound) < 0.999
    assert back.dtype == np.float32
    assert back.shape == sound.shape
    assert back.flags.c_contiguous
    assert np.abs(back - sound)[inside].max() <= tolerance
    info = soundfile.info(path_for(tmp_path, name))
    assert (info.samplerate, info.subtype) == (RATE, encoding.FORMATS[name].subtype)
    assert os.listdir(tmp_path) == [path_for(tmp_path, name).name]


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_keep_length_and_sound(tmp_path, name):
    sound = tone(2.0)
    encoding.write(path_for(tmp_path, name), sound, format=name)
    back = audio.read(path_for(tmp_path, name))
    assert back.shape == sound.shape
    middle = slice(RATE // 2, -RATE // 2)
    error = np.sqrt(np.mean((back - sound)[:, middle] ** 2)) / np.sqrt(np.mean(sound[:, middle] ** 2))
    assert error < 0.02


@pytest.mark.parametrize("name", ["flac", "wav16", "wav24"])
def test_the_range_is_kept(tmp_path, name):
    sound = np.tile(np.array([1.0, -1.0, 1.5, -1.5, 0.0, 1e-9], np.float32), (2, 100))
    encoding.write(path_for(tmp_path, name), sound, format=name)
    step = 2.0 ** (1 - encoding.FORMATS[name].bits)
    back = audio.read(path_for(tmp_path, name))
    assert np.array_equal(back[0, :6], np.array([1 - step, -1, 1 - step, -1, 0, 0], np.float32))


@pytest.mark.parametrize("name", ["flac", "wav24"])
def test_writing_is_deterministic(tmp_path, name):
    sound = noise()
    first, second = tmp_path / f"a{encoding.FORMATS[name].suffix}", tmp_path / f"b{encoding.FORMATS[name].suffix}"
    encoding.write(first, sound, format=name, tags={"title": "x"})
    encoding.write(second, sound, format=name, tags={"title": "x"})
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_long_ogg_files_do_not_overflow_the_stack(tmp_path, name):
    encoding.write(path_for(tmp_path, name), tone(30, level=0.1), format=name)
    assert soundfile.info(path_for(tmp_path, name)).frames == 30 * RATE


@pytest.mark.parametrize("name", list(encoding.FORMATS))
def test_mono_and_almost_nothing(tmp_path, name):
    target = path_for(tmp_path, name)
    encoding.write(target, noise(0.1, channels=1), format=name)
    back = audio.read(target)
    assert back.shape == (2, RATE // 10)
    assert np.array_equal(back[0], back[1])
    encoding.write(target, noise(0.1)[:, :1], format=name, overwrite=True)
    assert audio.read(target).shape == (2, 1)


# Reading


def test_more_channels_lose_all_but_two(tmp_path):
    sound = noise(0.1, channels=6)
    soundfile.write(tmp_path / "six.wav", sound.T, RATE, subtype="FLOAT")
    assert np.array_equal(audio.read(tmp_path / "six.wav"), sound[:2])


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_resampling_keeps_pitch_and_level(tmp_path, rate):
    soundfile.write(tmp_path / "tone.wav", tone(2.0, rate=rate).T, rate, subtype="FLOAT")
    back = audio.read(tmp_path / "tone.wav")
    assert back.shape == (2, 2 * RATE)
    middle = slice(RATE // 4, -RATE // 4)
    assert np.abs(back - tone(2.0))[:, middle].max() < 1e-4


def test_reading_at_another_rate(tmp_path):
    encoding.write(tmp_path / "a.flac", tone(1.0), format="flac")
    assert audio.read(tmp_path / "a.flac", rate=24_000).shape == (2, 24_000)


def test_loud_floats_are_clamped(tmp_path):
    soundfile.write(tmp_path / "loud.wav", 3 * noise(0.1).T, RATE, subtype="FLOAT")
    assert audio.peak(audio.read(tmp_path / "loud.wav")) == 1.0


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text", "no frames", "not finite"])
def test_what_cannot_be_read_is_a_sentence_and_a_hint(tmp_path, kind):
    path = tmp_path / "source.wav"
    words = {
        "missing": "no file",
        "folder": "is a folder",
        "empty": "is empty",
        "text": "is not audio",
        "no frames": "no sound",
        "not finite": "not numbers",
    }
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("la la la\n" * 100)
    elif kind == "no frames":
        soundfile.write(path, np.zeros((0, 2)), RATE)
    elif kind == "not finite":
        soundfile.write(path, np.full((100, 2), np.nan), RATE, subtype="FLOAT")
    with pytest.raises(EngineError, match=words[kind]) as caught:
        audio.read(path)
    assert str(path) in caught.value.error
    assert caught.value.hint


@pytest.mark.parametrize("name", ["flac", "mp3"])
@pytest.mark.parametrize("share", [0.6, 0.01])
def test_files_that_break_off(tmp_path, name, share):
    path = path_for(tmp_path, name)
    encoding.write(path, noise(4), format=name)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(EngineError):
        audio.read(path)


# Levels


def test_peaks():
    sound = np.array([[0.0, 0.25], [-0.5, 0.1]], np.float32)
    assert audio.peak(sound) == 0.5
    assert audio.peak_db(sound) == pytest.approx(-6.0206, abs=1e-4)
    assert audio.peak_db(np.zeros((2, 10), np.float32)) == -math.inf
    assert audio.peak(np.zeros((2, 0), np.float32)) == 0
    assert math.isnan(audio.peak(np.array([[0.5, np.nan, 1.0]], np.float32)))
    assert audio.peak(np.array([[0.5, -np.inf]], np.float32)) == math.inf


def test_silence():
    assert audio.is_silent(np.full((2, 10), 9e-7, np.float32))
    assert not audio.is_silent(np.full((2, 10), 2e-6, np.float32))


@pytest.mark.parametrize("level", [3.0, 0.9, 0.01])
def test_the_gain_brings_the_peak_to_the_target(level):
    sound = tone(0.1, level=level)
    for target in (-1.0, 0.0, -12.0):
        assert audio.peak_db(sound * audio.gain_for_peak(sound, target)) == pytest.approx(target, abs=1e-3)


def test_without_a_target_only_what_is_too_loud_is_turned_down():
    for off in (None, 3.0):
        assert audio.gain_for_peak(np.full((2, 4), 0.3, np.float32), off) == 1.0
        assert audio.gain_for_peak(np.full((2, 4), 2.0, np.float32), off) == 0.5
    assert audio.gain_for_peak(np.full((2, 4), 5e-7, np.float32)) == 1.0


@pytest.mark.parametrize(
    ("value", "words"), [(math.nan, "not numbers"), (math.inf, "not numbers"), (1e-5, "silent"), (0.0, "silent")]
)
def test_what_is_no_take(value, words):
    sound = np.zeros((2, 100), np.float32)
    sound[1, 50] = value
    with pytest.raises(RenderFailed, match=words) as caught:
        audio.check(sound)
    assert caught.value.hint


def test_a_quiet_take_is_a_take():
    audio.check(np.full((2, 100), 2e-5, np.float32))


# Formats


def test_format_names_and_suffixes():
    assert encoding.format_named("wav").name == "wav24"
    assert encoding.format_for("A.WAV").name == "wav24"
    assert encoding.format_for("a.b.oga").name == "ogg"
    for name, kind in encoding.FORMATS.items():
        assert encoding.format_named(name) is kind
        assert encoding.format_for(f"x{kind.suffix}").suffix == kind.suffix
    assert encoding.DEFAULT_FORMAT in encoding.FORMATS
    for call, argument in (
        (encoding.format_named, "aac"),
        (encoding.format_for, "take.m4a"),
        (encoding.format_for, "take"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            call(argument)
        assert caught.value.field == "audio_format"
        assert "flac" in caught.value.hint


# Writing


def test_a_suffix_that_lies_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="does not look like mp3"):
        encoding.write(tmp_path / "a.flac", noise(0.1), format="mp3")
    assert os.listdir(tmp_path) == []


def test_overwriting_has_to_be_asked_for(tmp_path):
    target = tmp_path / "a.flac"
    encoding.write(target, noise(0.1, seed=1), format="flac")
    old = target.read_bytes()
    with pytest.raises(InvalidRequest, match="exists already"):
        encoding.write(target, noise(0.1, seed=2), format="flac")
    assert target.read_bytes() == old
    encoding.write(target, noise(0.1, seed=2), format="flac", overwrite=True)
    assert target.read_bytes() != old


def test_numbers_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(RenderFailed, match="not numbers"):
        encoding.write(tmp_path / "a.flac", np.full((2, 10), np.nan, np.float32), format="flac")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "rate"), [("opus", 44_100), ("mp3", 192_000)])
def test_rates_that_a_codec_lacks(tmp_path, name, rate):
    with pytest.raises(RenderFailed, match="could not be encoded") as caught:
        encoding.write(path_for(tmp_path, name), noise(0.1), format=name, rate=rate)
    assert caught.value.hint
    assert os.listdir(tmp_path) == []


class _FailingFile:
    """A file that fails once ``room`` bytes are used up: in ``write``, and in ``seek``, which flushes."""

    def __init__(self, file, room, failure):
        self._file, self._room, self._failure = file, room, failure

    def write(self, data):
        self._room -= len(data)
        if self._room < 0:
            raise self._failure
        return self._file.write(data)

    def seek(self, *where):
        if self._room < 0:
            raise self._failure
        return self._file.seek(*where)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self._file.close()


@pytest.mark.parametrize("name", list(encoding.FORMATS))
@pytest.mark.parametrize("room", [0, 100, 5_000])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failure_while_encoding_leaves_nothing(tmp_path, monkeypatch, capfd, name, room, failure):
    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: _FailingFile(real(**options), room, failure))
    expected = RenderFailed if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        encoding.write(path_for(tmp_path, name), noise(), format=name)
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr().err == ""
    if expected is RenderFailed:
        assert "disk is full" in caught.value.error
        assert "MB free" in caught.value.error


@pytest.mark.parametrize("name", list(encoding.FORMATS))
def test_a_disk_that_is_full_at_the_end_leaves_nothing(tmp_path, monkeypatch, name):
    def fsync(_descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("engine.files.os.fsync", fsync)
    with pytest.raises(RenderFailed, match="disk is full"):
        encoding.write(path_for(tmp_path, name), noise(0.1), format=name)
    assert os.listdir(tmp_path) == []
