"""Adapters that are named on the command line: refused where they are not there, kept by content in a session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import main
from acetui.verbs.own_audio import bring, by_content
from engine.adapters.reading import NoAdapter
from sessions.sources import Sources, content_hash


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "warm.safetensors").write_bytes(b"warm")
    (tmp_path / "peft").mkdir()
    (tmp_path / "peft" / "adapter_model.safetensors").write_bytes(b"peft")
    (tmp_path / "peft" / "adapter_config.json").write_text("{}")
    home = tmp_path / "data" / "adapters"
    home.mkdir(parents=True)
    (home / "choir.safetensors").write_bytes(b"choir")


def test_a_render_asks_for_its_adapters_before_anything_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["render", "--caption", "x", "--adapters", "gone=0.5", "--models", "nano", "-o", "o.flac", "--json"]) == 3
    )
    error = json.loads(capsys.readouterr().out)
    assert (error["error"], error["field"]) == ("There is no adapter called 'gone'.", "adapters")
    assert error["hint"] == "There is: choir."


def entry(path: str, scale: float = 1.0) -> dict[str, Any]:
    return {"path": path, "scale": scale}


def test_in_a_session_files_are_kept_by_content_and_folders_by_their_whole_path(tmp_path: Path) -> None:
    session = tmp_path / "jam"
    (session / "own").mkdir(parents=True)
    (session / "own" / "mine.safetensors").write_bytes(b"mine")
    recipe = {
        "caption": "x",
        "adapters": [
            entry("warm.safetensors", 0.5),
            entry("choir"),
            entry("own/mine.safetensors"),
            entry("peft"),
            entry("peft/adapter_model.safetensors"),
        ],
    }
    changed, files = by_content(recipe, session)
    digest = content_hash(tmp_path / "warm.safetensors")
    assert changed["adapters"] == [
        entry(digest, 0.5),
        entry("choir"),
        entry("own/mine.safetensors"),
        entry(str(tmp_path / "peft")),
        entry(str(tmp_path / "peft" / "adapter_model.safetensors")),
    ]
    bring(files, session)
    assert Sources(session).path(digest).read_bytes() == b"warm"
    assert by_content(changed, session) == (changed, [])
    with pytest.raises(NoAdapter):
        by_content({"adapters": [entry("gone")]}, session)
