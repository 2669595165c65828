"""Audio that is named on the command line: refused at once where it is not there, kept by its content in a session."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from acetui.cli import main
from acetui.verbs.own_audio import bring, by_content, check_files
from engine import InvalidRequest
from sessions.sources import Sources, content_hash


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.wav").write_bytes(b"sound")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")


@pytest.mark.parametrize(
    ("name", "words"), [("none.wav", "There is no file none.wav"), ("folder", "is a folder"), ("pipe.wav", "ordinary")]
)
def test_a_render_asks_for_its_files_before_anything_is_started(
    capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    flags = ["--task", "repaint", "--source", name, "--caption", "x", "--repainting-end", "2"]
    assert main(["render", *flags, "--models", "nano", "-o", "out.flac", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert words in error["error"]
    assert (error["field"], bool(error["hint"])) == ("src_audio", True)


def test_files_become_hashes_in_a_session(tmp_path: Path) -> None:
    session = tmp_path / "jam"
    (session / "own").mkdir(parents=True)
    (session / "own" / "mine.wav").write_bytes(b"mine")
    recipe = {
        "caption": "x",
        "src_audio": "song.wav",
        "reference_audio": "take:7",
        "more_reference_audio": ["own/mine.wav", "song.wav"],
    }
    changed, files = by_content(recipe, session)
    digest = content_hash(tmp_path / "song.wav")
    assert changed == recipe | {"src_audio": digest, "more_reference_audio": ["own/mine.wav", digest]}
    bring(files, session)
    assert Sources(session).path(digest).read_bytes() == b"sound"
    assert by_content(changed, session) == (changed, [])
    with pytest.raises(InvalidRequest, match="no file") as refused:
        by_content({"next_audio": "gone.wav"}, session)
    assert refused.value.field == "next_audio"


def test_what_names_no_file_is_left_alone() -> None:
    check_files({"caption": "x", "src_audio": None, "more_reference_audio": [], "src_latents": ""})
