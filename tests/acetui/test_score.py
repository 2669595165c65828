"""``acetui score``: real files, judged by the engine's own program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acetui.cli import main
from engine import Request, encoding
from engine.tags import RECIPE
from tests.engine.scoring.known_sounds import cadences, clicks


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of A minor at 120 a minute, rendered here for all that it says."""
    sound = 0.5 * (cadences(9, "minor") + clicks(120, 8.0))
    path = tmp_path_factory.mktemp("music") / "a.flac"
    recipe = json.dumps(Request(caption="x", bpm=120, keyscale="A minor", instrumental=True).to_dict())
    encoding.write(path, np.stack([sound, sound]).astype(np.float32), format="flac", tags={RECIPE: recipe})
    return path


def test_a_file_is_held_against_the_recipe_inside_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(file), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["event"], told["file"], told["faults"]) == ("score", str(file), [])
    assert told["parts"]["key"] == 1.0
    assert told["asked"] == {"bpm": 120, "keyscale": "A minor", "lyrics": "[Instrumental]", "instrumental": True}
    assert 0.7 < told["score"] <= 1.0
    assert told["why"]["present"] == 0.5


def test_it_is_explained_and_a_wish_goes_before_the_recipe(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(file), "--explain", "--keyscale", "D# major"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert str(file) in told[0]
    assert "meaning        missing  of weight 0.5" in told[1]
    assert "A minor (asked for D# major)" in told[4]
    assert "true peak" in told[5]


def test_what_the_planner_chose_is_told_as_its_choice(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, _ = soundfile.read(file, dtype="float32")
    planned = tmp_path / "planned.flac"
    recipe = json.dumps(Request(caption="x", instrumental=True, cot_bpm=120, cot_keyscale="A minor").to_dict())
    encoding.write(planned, sound.T, format="flac", tags={RECIPE: recipe})
    assert main(["score", str(planned), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["planned"] == {"bpm": 120, "keyscale": "A minor"}
    assert told["parts"]["key"] == 1.0
    assert main(["score", str(planned), "--explain"]) == 0
    assert "A minor (the planner chose A minor)" in capsys.readouterr().out


def test_what_is_not_heard_surely_is_said_not_to_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, np.random.default_rng(1).normal(0, 0.1, (5 * 48_000, 2)), 48_000)
    assert main(["score", str(noise), "--explain", "--bpm", "92"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == f"   -  {noise}  no score without meaning and tempo and key"
    assert any("(asked for 92; not heard surely, so it does not count)" in line for line in rest)


def test_what_cannot_be_judged_is_told_of_and_the_rest_is_judged(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.wav"
    words.write_text("no sound")
    assert main(["score", str(words), str(tmp_path / "none.wav"), str(file)]) == 3
    told = capsys.readouterr()
    assert [line[:8] for line in told.err.splitlines()] == ["acetui: ", " " * 8] * 2
    assert told.out.endswith(f"{file}  without meaning\n")
    assert len(told.out.splitlines()) == 1
    assert main(["score", str(words), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)
    assert (error["event"], error["file"], error["field"]) == ("error", str(words), None)


def test_a_word_is_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "x.wav", "--keyscale", "loud"]) == 2
    assert "is no key" in capsys.readouterr().err
