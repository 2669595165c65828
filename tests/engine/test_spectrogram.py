"""The picture of what sounds when and how high."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import spectrogram
from engine.spectrogram import HIGH_HZ, LEVELS, LOW_HZ

RATE = 48_000


def row_of(tone: float, rows: int) -> int:
    """The row in which a tone belongs."""
    return int(np.log(tone / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ) * rows)


@pytest.mark.parametrize("tone", [55.0, 440.0, 9000.0])
def test_a_tone_is_the_loudest_where_and_when_it_sounds(tmp_path: Path, tone: float) -> None:
    at = np.arange(4 * RATE) / RATE
    sound = np.where(at < 2, np.sin(2 * np.pi * tone * at), 0) * 0.5
    soundfile.write(tmp_path / "a.flac", np.stack([sound, sound], 1), RATE)
    found = spectrogram.spectrogram(str(tmp_path / "a.flac"), 20, 24)
    picture = np.array(found["rows"])
    assert found["seconds"] == 4.0
    assert picture.shape == (24, 20)
    assert picture.max() == LEVELS - 1
    assert set(picture[:, :9].argmax(axis=0)) <= {row_of(tone, 24) + by for by in (-1, 0, 1)}
    assert not picture[:, 12:].any()


def test_a_short_file_has_fewer_columns_and_silence_is_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((1000, 2)), RATE)
    found = spectrogram.spectrogram(str(tmp_path / "a.wav"), 80, 5)
    assert found["rows"] == [[0]] * 5


def test_lines_are_answered_until_there_are_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").write_bytes(b"nothing")
    asked = [{"file": str(tmp_path / name), "columns": 4, "rows": 4} for name in ("broken", "none")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(each) + "\n" for each in asked)))
    assert spectrogram.main() == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"error": "The audio cannot be decoded."}
    ] * 2
