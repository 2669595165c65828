"""``acetui studio`` and ``acetui verify`` as a person runs them, with a real engine and a tiny model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import main
from acetui.verbs.studio import engine_lines, run_lines
from sessions.discovery import Place, who_has
from sessions.loop_wish import LoopWish
from sessions.new_session import create
from sessions.settings import Settings
from sessions.verify import REASONS
from tests.sessions.jamming import SECONDS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def session(tmp_path: Path, tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    tables: dict[str, Any] = {
        "recipe": {"caption": "slow jazz", "duration": 1, "batch_size": 3, "retake_variance": 0.2},
        "models": {"models": str(tiny_turbo), "device": "cpu", "dtype": "float32", "threads": 1},
        "loop": {"free_space_floor_gb": 0.0, "takes": 3},
    }
    folder = create(tmp_path / "jam", Settings.from_dict(tables))
    yield folder
    if (holder := who_has(folder)) is not None:
        os.kill(holder.pid, signal.SIGKILL)


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_how_far_a_run_is_is_told_in_a_line_and_what_is_made_in_another() -> None:
    loop = {"on": True, "made": 12, "takes_per_hour": 280.4, "takes_left": 38}
    progress = {"stage": "decode", "done": 64, "total": 750, "eta": {"batch": [2, 4], "run": [400, 520]}}
    assert run_lines(loop, progress) == [
        "  made    12 of this run, 280 an hour, 38 to go, 7-9 min left",
        "  now     decoding, 64 of 750",
    ]
    begun = loop | {"made": 0, "takes_per_hour": None, "takes_left": None}
    assert run_lines(begun, {"stage": "load", "done": 0, "total": 1, "eta": None}) == [
        "  made    0 of this run",
        "  now     loading the model",
    ]
    assert run_lines(begun | {"on": False}, None) == []


def test_each_of_several_engines_is_told_of_in_a_line() -> None:
    made = {"name": "x", "failure": None, "waiting_for": None, "batch": None}
    engines: list[dict[str, Any]] = [
        made | {"name": "cuda:0", "state": "ready", "batch": {"number": 12, "size": 4}},
        made | {"name": "cuda:1", "state": "ready", "batch": {"number": None, "size": 1}},
        made | {"name": "cuda:2", "state": "waiting", "waiting_for": "the session night (process 7)"},
        made | {"name": "cuda:3", "state": "failed", "failure": {"error": "There is no model.", "hint": ""}},
        made | {"name": "cpu 1", "state": "restarting"},
        made | {"name": "cpu 2", "state": "ready"},
    ]
    assert engine_lines(engines) == [
        "  cuda:0  batch 12, 4 takes",
        "  cuda:1  what was asked for, 1 take",
        "  cuda:2  waits for its card: the session night (process 7) has it",
        "  cuda:3  There is no model.",
        "  cpu 1   is started again",
        "  cpu 2   nothing to do",
    ]
    assert engine_lines(engines[:1]) == []


def test_engines_of_a_studio_that_runs_are_not_changed(
    session: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acetui.verbs.studio.who_has", lambda folder: "somebody")
    assert main(["studio", str(session), "--workers", "2"]) == 1
    assert "runs already, with the engines that it was started with" in capsys.readouterr().err
    monkeypatch.undo()
    assert main(["studio", str(session), "--workers", "gpu"]) == 2
    assert "names no engines: it must be auto, a number" in capsys.readouterr().err


def test_a_night_without_a_terminal_and_every_take_again_after_a_restart(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["studio", str(session), "--status", "--json"]) == 3
    assert said(capsys)[0] == {"event": "studio", "running": False}
    assert main(["studio", str(session), "--listen", "--json"]) == 0
    (status,) = said(capsys)
    assert status["running"]
    assert status["session"]["loop"]["on"]
    request = urllib.request.Request(
        f"{status['url']}api/session", headers={"Authorization": f"Bearer {status['token']}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["name"] == "jam"
    until = time.monotonic() + SECONDS
    while not list((session / "reports").glob("*.md")):
        assert time.monotonic() < until, (session.parent / "state").glob("**/log")
        time.sleep(0.1)
    assert main(["studio", str(session), "--status"]) == 0
    assert "stopped (3 takes are made)" in capsys.readouterr().out
    assert main(["studio", str(session), "--stop"]) == 0
    assert who_has(session) is None
    assert main(["studio", str(session), "--stop"]) == 0
    assert main(["studio", str(session), "--status"]) == 3
    capsys.readouterr()

    assert main(["takes", str(session), "--json"]) == 0
    takes = said(capsys)
    assert [take["layout"]["index"] for take in takes] == [0, 1, 2]
    assert takes[0]["identity"].keys() == REASONS.keys() - {"adapters", "passes", "quantization"}
    assert main(["verify", str(session), "1-3", "--json"]) == 0
    assert [(line["number"], line["identical"], line["reason"]) for line in said(capsys)] == [
        (number, True, "Identical.") for number in (1, 2, 3)
    ]
    assert main(["studio", str(session), "--stop"]) == 0


def test_a_service_manager_has_it_in_the_foreground_and_a_loop_of_before_stays_off(session: Path) -> None:
    folder = Place.of(session).folder
    folder.mkdir(parents=True)
    LoopWish({}, 0, time.time()).save(folder)
    command = [sys.executable, "-m", "acetui", "studio", str(session), "--foreground", "--no-loop"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert b"answers at" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    process.stderr.close()
    assert who_has(session) is None
    assert LoopWish.read(folder) is None


def test_who_wants_something_else_is_told_that_the_loop_goes_on(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Place.of(session).folder
    folder.mkdir(parents=True)
    LoopWish({}, 0, time.time()).save(folder)
    for words in (
        f"The loop of jam was on when its studio ended, and goes on. 'acetui studio {session.name} --stop'",
        "",
    ):
        assert main(["listen", str(session), "--json"]) == 0
        told = capsys.readouterr()
        assert told.err.startswith(words)
        assert bool(told.err) == bool(words)
        assert json.loads(told.out)["url"]
    assert main(["studio", str(session), "--stop"]) == 0


@pytest.mark.parametrize("argv", [["--listen", "0"], ["--listen", "99999"], ["--stop", "--status"], []])
def test_wrong_arguments_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", *(["x"] if argv else []), *argv]) == 2
    assert "Traceback" not in capsys.readouterr().err
