"""``acetui render`` as a person runs it: its own process, the real engine, random tiny weights, real signals."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import acetui

pytest.importorskip("torch")

ROOT = Path(acetui.__file__).parent.parent
SECONDS = 120
QUICK = ("--duration", "2", "--inference-steps", "2", "--threads", "1", "--device", "cpu", "--dtype", "float32")
SLOW = ("--duration", "240", "--inference-steps", "20", "--threads", "1", "--device", "cpu", "--dtype", "float32")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    from engine.testing import make_checkpoint

    return str(make_checkpoint(tmp_path_factory.mktemp("cli") / "models", lm=False))


def start(
    folder: Path,
    checkpoint: str,
    *arguments: str,
    python: tuple[str, ...] = ("-m", "acetui"),
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, *python, "render", "--models", checkpoint, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


@dataclass(frozen=True)
class Song:
    """What a person who rendered a song at a terminal has and saw."""

    folder: Path
    code: int
    printed: str
    terminal: bytes


@pytest.fixture(scope="session")
def song(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Song:
    script = """
import sys
from acetui.cli import main
code = main(sys.argv[1:])
sys.exit(99 if {"torch", "numpy"} & sys.modules.keys() else code)
"""
    folder = tmp_path_factory.mktemp("song")
    (folder / "jazz.toml").write_text('[recipe]\ncaption = "Warm jazz"\nseed = 7\naudio_format = "wav32"\n')
    ours, theirs = pty.openpty()
    process = start(folder, checkpoint, "jazz.toml", *QUICK, python=("-c", script), stderr=theirs)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # Linux's way to say that the other end is closed
        while chunk := os.read(ours, 4096):
            seen += chunk
    os.close(ours)
    printed, _ = process.communicate(timeout=SECONDS)
    return Song(folder, process.returncode, printed, seen)


def test_a_song_from_words_without_torch_in_the_terminal_s_process(song: Song) -> None:
    assert song.code == 0, song.terminal
    assert song.printed.startswith("warm-jazz-7.wav  0:02 long  seed 7")
    assert sorted(os.listdir(song.folder)) == ["jazz.toml", "warm-jazz-7.wav"]


def test_a_terminal_sees_the_song_grow_and_is_left_clean(song: Song) -> None:
    assert b"loading the model" in song.terminal
    assert b"the model " not in song.terminal.rpartition(b"\x1b[K")[2]


def test_json_takes_and_the_same_seed_again(song: Song, checkpoint: str, tmp_path: Path) -> None:
    from engine.audio import read

    words = ("--caption", "Warm jazz", "--seed", "8", "7")
    process = start(tmp_path, checkpoint, *words, "-o", "a.wav", "--format", "wav32", "--json", *QUICK)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    takes = [event["take"] for event in events if event["event"] == "take"]
    assert [Path(take["files"]["audio"]).name for take in takes] == ["a-8.wav", "a-7.wav"]
    assert events[-1]["event"] == "done"
    assert events[-1]["summary"]["takes"] == 2
    assert (read(tmp_path / "a-7.wav") == read(song.folder / "warm-jazz-7.wav")).all()


def test_ctrl_c_leaves_nothing_half_written(checkpoint: str, tmp_path: Path) -> None:
    process = start(tmp_path, checkpoint, "-o", "long.flac", "--json", *SLOW)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("stage") == "sampling":
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["hint"]) == ("error", "Nothing was written.")
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []


def test_a_missing_model_is_exit_code_3(checkpoint: str, tmp_path: Path) -> None:
    process = start(tmp_path, checkpoint, "--dit", "acestep-v15-unheard-of", *QUICK)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 3
    assert out == ""
    assert "acetui: " in err
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []
