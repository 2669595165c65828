"""``acetui import``: other programs' settings printed as a recipe, or put into a session, new or running."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from acetui.cli import main
from tests.sessions.jamming import state

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

SAVED = {"caption": "warm jazz", "bpm": 96, "vocal_language": "en", "inference_steps": 8, "moon_phase": "full"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(SAVED))
    return path


def test_a_recipe_to_keep_in_a_file(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(saved)]) == 0
    said = capsys.readouterr()
    recipe = tomllib.loads(said.out)["recipe"]
    assert (recipe["caption"], recipe["bpm"]) == ("warm jazz", 96)
    assert "moon_phase" in said.err


def test_a_new_session_begins_with_it(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "jam"
    assert main(["import", str(saved), str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["session"], told["revision"]) == (str(folder), 1)
    assert tomllib.loads((folder / "session.toml").read_text())["recipe"]["caption"] == "warm jazz"


def test_what_is_no_settings_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    path.write_text("[")
    assert main(["import", str(path)]) == 2
    assert main(["import", str(tmp_path / "gone.json")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_session_that_is_there_gets_another_revision(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "jam"
    assert main(["import", str(saved), str(folder)]) == 0
    saved.write_text(json.dumps({"caption": "cold jazz", "lyrics": "[Verse]\nla"}))
    try:
        assert main(["import", str(saved), str(folder)]) == 0
    finally:
        assert main(["studio", str(folder), "--stop"]) == 0
    recipe = tomllib.loads((folder / "session.toml").read_text())["recipe"]
    assert (recipe["caption"], recipe.get("bpm")) == ("cold jazz", None)
