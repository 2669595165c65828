"""Finding acetui on another machine: the very script, in this machine's own shell."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import cast

import pytest

from acetui.remote.door import Door, NoAcetui, find, script
from acetui.remote.ssh import Ssh
from engine import __version__
from engine.errors import EngineError

DOOR = {
    "event": "door", "version": __version__, "session": "/x/my jam", "name": "my jam", "socket": "/s", "token": "t",
    "port": None,
}  # fmt: skip


class Box:
    """A machine that is this one: a home folder, and what its shells find."""

    host = "ada@box"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = "/usr/bin:/bin"

    def run(self, script: str, seconds: float) -> tuple[int, str]:
        surroundings = {"HOME": str(self.home), "PATH": self.path, "SHELL": "/bin/bash"}
        done = subprocess.run(
            ["sh", "-s"], input=script.encode(), capture_output=True, timeout=seconds, env=surroundings, check=False
        )
        return done.returncode, done.stdout.decode()

    def acetui(self, folder: str, *says: str, status: int = 0, version: str = f"acetui {__version__}") -> Path:
        """A program in a folder of the home, that says this and writes down how it was called."""
        path = self.home / folder / "acetui"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(f"echo '{line}'" for line in says)
        path.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; exit; fi\n'
            f'for word in "$@"; do echo "$word" >> "{self.home}/asked"; done\n{lines}\nexit {status}\n'
        )
        path.chmod(0o755)
        return path

    def asked(self) -> list[str]:
        return (self.home / "asked").read_text().splitlines()

    def find(self, session: str | None = None, command: str | None = None, **options: bool) -> Door:
        return find(cast(Ssh, self), session, command, **options)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.mark.parametrize("way", ["plain", "login", "interactive", "own"])
def test_it_is_found_wherever_a_person_would_find_it(box: Box, way: str) -> None:
    folder = ".local/bin" if way == "own" else "env/bin"
    path = box.acetui(folder, "Welcome to the box!", json.dumps(DOOR))
    line = f'echo "a message of the day"; PATH="{path.parent}:$PATH"\n'
    if way == "plain":
        box.path = f"{path.parent}:{box.path}"
    elif way in ("login", "interactive"):
        (box.home / (".bash_profile" if way == "login" else ".bashrc")).write_text(line)
    assert box.find("my jam; touch x", port=True) == Door("/x/my jam", "my jam", "/s", "t")
    assert box.asked() == ["door", "--json", "--port", "my jam; touch x"]
    assert not (box.home / "x").exists()


def test_a_person_may_say_how_it_is_called(box: Box) -> None:
    box.acetui("my env", json.dumps({**DOOR, "port": 4711}))
    found = box.find(None, 'env A=1 "$HOME/my env/acetui"')
    assert found.port == 4711
    assert box.asked() == ["door", "--json"]


def test_none_another_version_and_one_that_fails_are_told_apart(box: Box) -> None:
    with pytest.raises(NoAcetui, match=r"no acetui on ada@box") as missing:
        box.find()
    assert "--remote-command" in str(missing.value.hint)
    assert missing.value.exit_code == 3
    box.acetui(".local/bin", "usage: acetui", status=2, version="acetui 0.0.9")
    with pytest.raises(NoAcetui, match=r"version 0\.0\.9, and here it is"):
        box.find()
    box.acetui(".local/bin", json.dumps({**DOOR, "version": "9.1.0"}))
    with pytest.raises(NoAcetui, match=r"version 9\.1\.0"):
        box.find()
    box.acetui(
        ".local/bin", json.dumps({"event": "error", "error": "The disk is full.", "hint": "Make room."}), status=1
    )
    with pytest.raises(EngineError, match=r"ada@box: The disk is full\.") as told:
        box.find()
    assert told.value.hint == "Make room."
    box.acetui(".local/bin", "Traceback", status=1, version="")
    with pytest.raises(NoAcetui, match="does not start"):
        box.find()


def test_the_script_is_plain_shell() -> None:
    for command in (None, "acetui"):
        text = script(["door", "it's"], command)
        done = subprocess.run(["sh", "-n"], input=text.encode(), capture_output=True, check=False, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
