"""What the real terminal writes while a take plays, and that a machine without sound smears nothing over it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.places import DRAWN, NAME, Place
from benchmarks.ptys import Pty
from benchmarks.terminal import modules
from tests.acetui.player.listening import noise, written

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc", allow_module_level=True)

A_SECOND = 200
"""Bytes at most that one more second of a take costs, at 80x24: the time, and sometimes a column of the outline."""

NO_ENGINE = {"recipe": {"caption": "slow synthwave"}, "models": {"models": "/nowhere", "device": "cpu"}}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A session with a few takes of half a minute, and its studio."""
    with Place(tmp_path, 3, settings=NO_ENGINE) as made:
        content = written(tmp_path, noise(30.0)).path.read_bytes()
        for take in (made.session / "takes").glob("*.flac"):
            take.write_bytes(content)
        assert made.acetui("studio", NAME, "--no-loop").returncode == 0
        yield made


def attached(place: Place, **environment: str) -> Pty:
    terminal = Pty(
        [sys.executable, "-m", "acetui", NAME],
        columns=80,
        rows=24,
        environment={**place.surroundings, **environment},
    )
    terminal.until_written(DRAWN)
    terminal.until(lambda: "connecting" not in terminal.screen().lines[0] and bool(terminal.screen().lines[0]))
    terminal.until_quiet(1.0)
    return terminal


def test_playing_writes_a_little_once_a_second_and_nothing_once_it_is_paused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    player = tmp_path / "bin" / "mpv"
    player.write_text("#!/bin/sh\nexec cat > /dev/null\n", encoding="utf-8")
    player.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with attached(place, ACETUI_OUTPUT="mpv", PATH=path) as terminal:
        terminal.send(b" ")
        terminal.until(lambda: any("► 0:02" in line for line in terminal.screen().lines))
        start = time.monotonic()
        written = terminal.until_quiet(quiet=4.0, seconds=4.0)
        seconds = time.monotonic() - start
        assert 0 < len(written) < A_SECOND * seconds
        terminal.send(b" ")
        terminal.until(lambda: any("paused 0:" in line for line in terminal.screen().lines))
        terminal.until_quiet(1.5)
        assert terminal.until_quiet(quiet=3.0, seconds=3.5) == b""


def test_without_sound_a_sentence_says_so_and_nothing_is_smeared(place: Place) -> None:
    with attached(place, ACETUI_SOUND_DEVICE="no such device", ACETUI_OUTPUT="device") as terminal:
        terminal.send(b" ")
        terminal.until(lambda: any("sound device" in line for line in terminal.screen().lines[-2:]))
        terminal.until_quiet(1.0)
        assert "ALSA" not in "".join(terminal.screen().lines)
        assert " takes " in "".join(terminal.screen().lines)


def test_the_player_is_loaded_when_something_is_to_be_heard(place: Place) -> None:
    before, after = modules(place)
    assert "acetui.app" in before
    assert {name for name in before | after if name.startswith(("acetui.player", "miniaudio", "_miniaudio"))} == set()
