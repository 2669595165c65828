"""What is typed in a real terminal on a real studio, when the line drops or the terminal is killed."""

from __future__ import annotations

import os
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.places import NAME, Place
from benchmarks.ptys import Pty

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc", allow_module_level=True)

CAPTION = b"\x1bOQ"
SECONDS = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A session without takes whose studio runs, with its loop off."""
    with Place(tmp_path_factory.mktemp("drafts")) as made:
        assert made.acetui("studio", NAME, "--no-loop").returncode == 0
        yield made


def typing(place: Place, text: bytes) -> Pty:
    terminal = place.attached()
    terminal.until(lambda: "slow synthwave" in terminal.text(), seconds=SECONDS)
    terminal.send(CAPTION)
    terminal.send(b"\x1b[F" + text)
    shown = text.decode().strip()
    terminal.until(lambda: shown in terminal.text(), seconds=SECONDS)
    return terminal


def kept(place: Place) -> list[str]:
    """The captions among the drafts of the session on disk."""
    found = []
    for path in sorted((place.session / "drafts").glob("*.toml")):
        found.append(tomllib.loads(path.read_text(encoding="utf-8"))["typed"].get("caption", ""))
    return found


def comes_back(place: Place, text: str) -> None:
    """Another terminal has it: in its own place, or as what is taken over."""
    with place.attached() as terminal:
        terminal.until(lambda: text in terminal.text() or "older draft" in terminal.text(), seconds=SECONDS)
        if text not in terminal.text():
            terminal.send(b"wo")
            terminal.until(lambda: text in terminal.text(), seconds=SECONDS)
        terminal.send(b"wx")
        terminal.until(lambda: text not in terminal.text(), seconds=SECONDS)


@pytest.mark.timeout(400)
def test_a_killed_terminal_has_saved_what_was_typed(place: Place) -> None:
    with typing(place, b" for the killed") as terminal:
        terminal.until(lambda: kept(place) == ["slow synthwave for the killed"], seconds=SECONDS)
        os.kill(terminal.pid, signal.SIGKILL)
    comes_back(place, "for the killed")


@pytest.mark.timeout(400)
def test_a_line_that_drops_right_after_a_key_loses_nothing(place: Place) -> None:
    with typing(place, b" for the dropped") as terminal:
        os.kill(terminal.pid, signal.SIGHUP)
    comes_back(place, "for the dropped")
