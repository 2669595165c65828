"""Outlines: every column has the extremes of its stretch, wherever the pieces end in which a file is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import peaks


@pytest.mark.parametrize("frames", [1, 3, 999, 1000, 1001, 32_768, 100_003])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_column_has_the_extremes_of_its_stretch(tmp_path: Path, frames: int, channels: int) -> None:
    sound = np.random.default_rng(frames).uniform(-1, 1, (frames, channels)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", sound, 8000, subtype="FLOAT")
    found = peaks.answer({"file": str(tmp_path / "x.wav")})
    columns = min(frames, peaks.COLUMNS)
    of = np.minimum(np.arange(frames) * columns // frames, columns - 1)
    lows = [max(min(0.0, float(sound[of == column].min())), -1) for column in range(columns)]
    highs = [min(max(0.0, float(sound[of == column].max())), 1) for column in range(columns)]
    assert found["seconds"] == frames / 8000
    assert found["low"] == pytest.approx(lows, abs=0.0006)
    assert found["high"] == pytest.approx(highs, abs=0.0006)


def test_what_is_no_audio_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.flac").write_bytes(b"fLaC nonsense")
    for name in ("x.flac", "nothing.flac"):
        assert peaks.answer({"file": str(tmp_path / name)}) == {"error": "The audio cannot be decoded."}
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2), np.float32), 8000)
    assert peaks.answer({"file": str(tmp_path / "empty.wav")}) == {"seconds": 0.0, "low": [], "high": []}
