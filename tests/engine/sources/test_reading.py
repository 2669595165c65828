"""Bad sources, as an engine meets them: one sentence that says what is wrong, and one that says what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import Engine, InvalidRequest, Request
from tests.engine.sources.conftest import Parent
from tests.engine.sources.sounds import RATE, music, sound_file

pytestmark = pytest.mark.usefixtures("one_thread")


def _text(path: Path) -> Path:
    path.write_text("no music")
    return path


def _nothing(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _torn_mp3(path: Path) -> Path:
    whole = path.with_name("whole.mp3")
    soundfile.write(whole, music(8), RATE, format="MP3", subtype="MPEG_LAYER_III")
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    return path


def _not_numbers(path: Path) -> Path:
    samples = music(2)
    samples[100] = np.nan
    return sound_file(path, samples, subtype="FLOAT")


BAD: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "not there": ("a.wav", lambda path: path, "There is no file"),
    "text": ("a.wav", _text, "is not audio, or it is damaged"),
    "zero bytes": ("a.wav", _nothing, "is empty"),
    "no frames": ("a.wav", lambda path: sound_file(path, music(0)), "holds no sound"),
    "one sample": ("a.wav", lambda path: sound_file(path, music(1 / RATE)), "seconds long, and 1 is the least"),
    "not numbers": ("a.wav", _not_numbers, "not numbers"),
    "silence": ("a.wav", lambda path: sound_file(path, music(2) * 0), "nothing to hear"),
    "torn MP3": ("a.mp3", _torn_mp3, "breaks off"),
    "folder": ("a.wav", _folder, "is a folder"),
    "pipe": ("a.wav", _pipe, "is not an ordinary file"),
    "device": ("a.wav", lambda path: Path("/dev/zero"), "is not an ordinary file"),
    "link to itself": ("a.wav", lambda path: path.symlink_to(path) or path, "could not be read"),
    "too long": ("a.wav", lambda path: sound_file(path, music(601, rate=100), rate=100), "600 is the most"),
    "no latents": ("a.safetensors", _text, "holds no latents"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("field", ["src_audio", "reference_audio", "next_audio"])
def test_a_bad_source_is_refused_in_words(turbo: Engine, parent: Parent, tmp_path: Path, kind: str, field: str) -> None:
    name, make, words = BAD[kind]
    path = make(tmp_path / name)
    request = parent.asked(task_type="repaint", repainting_end=2, **{field: str(path)})
    with pytest.raises(InvalidRequest) as refused:
        turbo.render(request)
    error = refused.value
    expected = "is not audio, or it is damaged" if kind == "no latents" and field == "reference_audio" else words
    assert expected in error.error, error.error
    assert error.field == field
    assert error.error.endswith(".")
    assert error.hint.endswith(".")
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("rate", "channels", "suffix"), [(192_000, 2, "wav"), (48_000, 1, "flac"), (48_000, 8, "wav"), (8_000, 1, "wav")]
)
def test_any_rate_and_any_channels_are_read(
    turbo: Engine, tmp_path: Path, rate: int, channels: int, suffix: str
) -> None:
    path = sound_file(tmp_path / f"a.{suffix}", music(2, rate=rate, channels=channels), rate=rate)
    for task in ("repaint", "cover"):
        request = Request(caption="x", task_type=task, src_audio=str(path), repainting_end=1, inference_steps=1)
        assert turbo.render(request)[0].audio.shape == (2, 2 * RATE)


@pytest.mark.parametrize(
    ("shape", "dtype", "value"),
    [
        ((50, 63), np.float32, 0.1),
        ((50,), np.float32, 0.1),
        ((50, 64), np.float32, np.nan),
        ((20_000, 64), np.float32, 0.1),
    ],
    ids=str,
)
def test_latents_of_something_else_are_refused(
    turbo: Engine, tmp_path: Path, shape: tuple[int, ...], dtype: type, value: float
) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "odd.safetensors"
    save_file({"latents": np.full(shape, value, dtype)}, path)
    with pytest.raises(InvalidRequest) as refused:
        turbo.render(Request(caption="x", task_type="cover", src_audio=str(path)))
    assert refused.value.field == "src_audio"


def test_a_home_folder_is_understood(turbo: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    sound_file(tmp_path / "a.wav", music(1.5))
    take = turbo.render(Request(caption="x", task_type="cover", src_audio="~/a.wav", inference_steps=1))[0]
    assert take.request.src_audio == "~/a.wav"
    with pytest.raises(InvalidRequest, match="no file"):
        turbo.render(Request(caption="x", task_type="cover", src_audio="~nobody-here/a.wav"))
