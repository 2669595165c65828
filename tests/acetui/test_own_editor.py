"""The person's own editor: real programs on a real file, and nothing that was written is lost."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from acetui.own_editor import Edited, EditorFailed, edited, editor_command


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def editor(tmp_path: Path, script: str) -> dict[str, str]:
    """An environment whose editor is a shell script with a blank in its path, and an argument."""
    path = tmp_path / "my editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {**os.environ, "VISUAL": "", "EDITOR": f"'{path}' --wait"}


def left(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("acetui-*/*"))


@pytest.mark.parametrize(
    ("script", "text", "after"),
    [
        ("true", "warm jazz", Edited("warm jazz", False)),
        ("true", "", Edited("", False)),
        ('printf "cold jazz\\n" > "$2"', "warm jazz", Edited("cold jazz", True)),
        ('printf "a\\r\\nb\\r\\n" > "$2"', "a", Edited("a\nb", True)),
        ('echo more >> "$2"', "a\n", Edited("a\nmore\n", True)),
        ('printf "\\357\\273\\277x\\n" > "$2"', "y", Edited("x", True)),
        ('rm "$2"', "y", Edited("", True)),
        (': > "$2"', "y", Edited("", True)),
    ],
)
def test_what_comes_back(tmp_path: Path, script: str, text: str, after: Edited) -> None:
    assert edited(text, "caption", subprocess.call, editor(tmp_path, script)) == after
    assert left(tmp_path) == []


def test_the_file_is_the_persons_alone(tmp_path: Path) -> None:
    seen = []

    def look(command: list[str]) -> int:
        path = Path(command[-1])
        seen.append((path.name, stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)))
        assert path.read_text() == "la\n"
        return 0

    edited("la", "lyrics", look, {"EDITOR": "x"})
    assert seen == [("lyrics.txt", 0o600, 0o700)]


def test_an_editor_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(EditorFailed, match="status 1") as failed:
        edited("warm", "caption", subprocess.call, editor(tmp_path, "exit 1"))
    assert failed.value.hint.startswith("Nothing was changed.")
    assert left(tmp_path) == []


def test_what_was_written_before_it_failed_is_kept(tmp_path: Path) -> None:
    with pytest.raises(EditorFailed) as failed:
        edited("warm", "caption", subprocess.call, editor(tmp_path, 'echo cold > "$2"; exit 3'))
    (kept,) = left(tmp_path)
    assert str(kept) in failed.value.hint
    assert kept.read_text() == "cold\n"


def test_what_is_no_text_is_kept(tmp_path: Path) -> None:
    with pytest.raises(EditorFailed, match="UTF-8"):
        edited("warm", "caption", subprocess.call, editor(tmp_path, 'printf "\\377" > "$2"'))
    assert len(left(tmp_path)) == 1


def test_which_editor() -> None:
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "vi"}) == ["vi"]
    with pytest.raises(EditorFailed, match="There is no editor"):
        editor_command({"PATH": ""})
    with pytest.raises(EditorFailed, match="a quote"):
        editor_command({"EDITOR": "'vi"})


def test_an_editor_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EditorFailed, match="no-such-editor is not there"):
        edited("warm", "caption", subprocess.call, {"EDITOR": "no-such-editor"})
    assert left(tmp_path) == []
