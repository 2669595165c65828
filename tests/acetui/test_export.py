"""``acetui export``: files that other programs read, with everything that makes them again."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile

from acetui.cli import main
from acetui.verbs import side_program
from engine import InvalidRequest, Request
from engine.audio import RATE
from engine.limiter import true_peak
from engine.loudness import loudness
from sessions.export_names import file_name
from sessions.store import Store
from tests.sessions.jamming import stage
from tests.sessions.takes import committed


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session with two takes that can be heard."""
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))
    made = stage(tmp_path)
    rng = np.random.default_rng(0)
    with Store.open(made.folder) as store:
        for seed in (1, 2):
            take = committed(store, seed=seed)
            samples = np.round(rng.uniform(-0.3, 0.3, (2 * RATE, 2)) * 2**23) / 2**23
            soundfile.write(made.folder / take.files["audio"], samples, RATE, subtype="PCM_24")
    return made.folder


def original(session: Path, number: int) -> np.ndarray[Any, Any]:
    with Store.open(session, read_only=True) as store:
        samples, _ = soundfile.read(session / store.get(number).files["audio"], dtype="float32")
    return np.asarray(samples)


def test_takes_are_written_with_tags_and_recipe_and_the_same_samples(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(session), "1-2", "-o", str(out), "--lrc", "--json"]) == 0
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert [line["number"] for line in lines] == [1, 2]
    assert "no LRC was written" in printed.err
    for line in lines:
        samples, rate = soundfile.read(line["file"], dtype="float32")
        assert rate == RATE
        assert np.array_equal(samples, original(session, line["number"]))
        assert line["loudness"] == pytest.approx(loudness(samples.T, RATE))
        found = mutagen.File(line["file"])
        with Store.open(session, read_only=True) as store:
            take = store.get(line["number"])
        assert found["title"] == [take.name]
        recipe = tomllib.loads(Path(line["recipe"]).read_text(encoding="utf-8"))["recipe"]
        assert Request.from_dict(recipe).to_dict() == Request.from_dict(take.request).to_dict()
        assert json.loads(found["ACETUI_RECIPE"][0]) == take.request
    assert {path.suffix for path in out.iterdir()} == {".flac", ".toml"}


def test_a_loudness_is_reached_and_no_true_peak_passes(session: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["export", str(session), "1", "-o", str(out), "--loudness", "-12", "--format", "wav", "--name", "{seed}"]
    assert main(command) == 0
    samples, _ = soundfile.read(out / "1.wav", dtype="float32")
    assert loudness(samples.T, RATE) == pytest.approx(-12, abs=0.3)
    assert true_peak(samples.T, RATE) <= 10 ** (-1 / 20) + 1e-4


@pytest.mark.parametrize("kind", ["mp3", "opus", "ogg", "wav32"])
def test_other_formats(session: Path, tmp_path: Path, kind: str) -> None:
    assert main(["export", str(session), "1", "-o", str(tmp_path / "out"), "--format", kind]) == 0
    (sound,) = (path for path in (tmp_path / "out").iterdir() if path.suffix != ".toml")
    assert soundfile.info(sound).duration == pytest.approx(2.0, abs=0.2)


def test_nothing_is_written_where_something_is_there(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(session), "2", "-o", str(out)]) == 0
    assert main(["export", str(session), "1", "2", "-o", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert len(list(out.iterdir())) == 2
    assert main(["export", str(session), "1", "2", "-o", str(out), "--overwrite"]) == 0
    assert len(list(out.iterdir())) == 4
    assert main(["export", str(session), "1", "2", "-o", str(out / "x"), "--name", "same"]) == 2
    assert "Takes 1 and 2 would have the same name" in capsys.readouterr().err
    assert main(["export", str(session), "9", "-o", str(out)]) == 3


def test_a_damaged_take_and_one_without_audio_are_told_of(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(session, read_only=True) as store:
        first, second = (session / store.get(number).files["audio"] for number in (1, 2))
    first.write_bytes(b"nothing" * 100)
    second.unlink()
    assert main(["export", str(session), "1", "-o", str(tmp_path / "out")]) == 1
    assert "is not audio, or it is damaged" in capsys.readouterr().err
    assert main(["export", str(session), "2", "-o", str(tmp_path / "out")]) == 1
    assert "Take 2 has no audio" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_where_the_engine_is_not_installed_that_is_said(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_program, "program", lambda module: ("sh", "-c", "exit 3"))
    assert main(["export", str(session), "1", "-o", str(tmp_path / "out")]) == 3
    assert "make studio" in capsys.readouterr().err
    monkeypatch.setattr(side_program, "program", lambda module: ("sh", "-c", "exit 9"))
    assert main(["export", str(session), "1", "-o", str(tmp_path / "out")]) == 1
    assert "has died" in capsys.readouterr().err


def test_names() -> None:
    take = {
        "id": "ab", "number": 7, "name": "neon / drive", "seed": 8123, "score": 0.871, "rating": None,
        "created": "2026-11-21T10:00:00Z", "request": {"bpm": 96, "keyscale": "A minor"},
    }  # fmt: skip
    assert file_name("{number:04} {name}", take, "jam") == "0007 neon - drive"
    assert file_name("{session} {key} {bpm} {score} {date} {rating}", take, "jam") == "jam A minor 96 0.87 2026-11-21"
    assert file_name("../..{name}", take, "jam") == "-..neon - drive"
    for wrong in ("{nothing}", "{name", "{number.real}", "{number:q}", "...", "{rating}"):
        with pytest.raises(InvalidRequest) as refused:
            file_name(wrong, take, "jam")
        assert refused.value.field == "name"
