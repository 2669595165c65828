"""``acetui render`` against a scripted double of the engine protocol: what is printed, what is stopped, exit codes."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from acetui.cli import main
from engine.process import EngineProcess

PREAMBLE = """
import json, os, signal, sys, time
def say(**message): print(json.dumps(message), flush=True)
def hear(): return json.loads(sys.stdin.readline() or '{"type": "shutdown"}')
def take(job, seed, **more):
    name = job["output"]["stem"].replace("{seed}", str(seed)) + ".flac"
    path = os.path.abspath(os.path.join(job["output"]["folder"], name))
    keys = "id number name score parts faults verdict parent operation revision gain hashes identity layout".split()
    return {**dict.fromkeys(keys), "seed": seed, "duration": 10.0, "files": {"audio": path}, "request": job["request"],
            "identity": {}, "loudness": -14.0, "timings": {"sampling": 1.0}, **more}
say(type="hello", protocol=4, engine="double", version="0", pid=1, capabilities=[])
load = hear()
say(type="progress", id=load["id"], stage="load", done=1, total=1)
"""
LOADED = 'say(type="loaded", id=load["id"], profile={}, identity={}, seconds=0.1); job = hear(); id = job["id"]\n'
ONE_TAKE = 'say(type="take", id=id, take=take(job, job["request"]["seeds"][0]))\n'
DONE = 'say(type="done", id=id, summary={"takes": 1}); hear()\n'


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch):
    def act_as(script: str) -> None:
        start = partial(EngineProcess.start, command=(sys.executable, "-c", PREAMBLE + script))
        monkeypatch.setattr("acetui.verbs.render.EngineProcess", SimpleNamespace(start=start))

    return act_as


def test_json_lines_and_nothing_else(engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine(LOADED + 'say(type="notice", id=id, text="Slow.")\n' + ONE_TAKE + DONE)
    assert main(["render", "--seed", "7", "--json"]) == 0
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["event"] for event in events] == ["progress", "notice", "take", "done"]
    assert events[0] == {"event": "progress", "stage": "load", "done": 1, "total": 1, "take": None}
    assert events[2]["take"]["seed"] == 7
    assert said.err == ""


def test_a_person_gets_one_line_a_take(engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine(LOADED + 'say(type="notice", id=id, text="Slow.")\n' + ONE_TAKE + DONE)
    assert main(["render", "--seed", "7", "-o", "x.flac"]) == 0
    said = capsys.readouterr()
    assert said.out == "x.flac  0:10 long  seed 7  made in 1.0 s  -14.0 LUFS\n"
    assert said.err == "Slow.\n"


def test_a_grid_is_rendered_cell_by_cell_and_summed_up(engine, capsys: pytest.CaptureFixture[str]) -> None:
    again = 'say(type="done", id=id, summary={"takes": 1}); job = hear(); id = job["id"]\n'
    engine(LOADED + ONE_TAKE + again + ONE_TAKE + DONE)
    Path("r.toml").write_text("seed = 7\n[grid]\nbpm = [90, 100]\n")
    assert main(["render", "r.toml", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event.get("text") for event in events if event["event"] == "notice"] == ["bpm 90:", "bpm 100:"]
    assert [event["take"]["request"]["bpm"] for event in events if event["event"] == "take"] == [90, 100]
    assert len({event["take"]["files"]["audio"] for event in events if event["event"] == "take"}) == 2
    assert events[-1] == {"event": "done", "summary": {"takes": 2}}


@pytest.mark.parametrize(("kind", "code"), [("failed", 1), ("invalid", 2), ("missing", 3), ("out_of_memory", 1)])
def test_the_engine_s_errors_become_exit_codes(
    engine, kind: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    engine(f'say(type="error", id=load["id"], error="No.", hint="Do.", field="dit", kind="{kind}"); hear()')
    assert main(["render", "--seed", "7", "--json"]) == code
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last == {"event": "error", "error": "No.", "hint": "Do.", "field": "dit"}


def test_an_engine_that_dies_is_an_error_in_words(engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine(LOADED + "print('Traceback', file=sys.stderr); os.kill(os.getpid(), signal.SIGKILL)")
    assert main(["render", "--seed", "7"]) == 1
    said = capsys.readouterr().err
    assert "SIGKILL" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_the_first_signal_asks_the_engine_to_stop(engine, signal_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    engine(
        LOADED + ONE_TAKE + f"os.kill(os.getppid(), signal.{signal_name})\n"
        'assert hear() == {"type": "cancel", "id": id}\n'
        'say(type="error", id=id, error="Cancelled.", hint="", kind="cancelled"); hear()'
    )
    assert main(["render", "--seed", "7"]) == 130
    assert "The take that was finished is kept." in capsys.readouterr().err


def test_the_second_signal_ends_an_engine_that_does_not_listen(engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine(
        LOADED + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.kill(os.getppid(), signal.SIGINT); hear(); os.kill(os.getppid(), signal.SIGINT); time.sleep(60)"
    )
    assert main(["render", "--seed", "7"]) == 130
    assert "Cancelled. " not in capsys.readouterr().out


def test_while_loading_one_signal_is_enough(engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine("signal.signal(signal.SIGTERM, signal.SIG_IGN); os.kill(os.getppid(), signal.SIGINT); time.sleep(60)")
    assert main(["render", "--seed", "7"]) == 130
    assert "Nothing was written." in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_drama(engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    engine(LOADED + ONE_TAKE + DONE)
    monkeypatch.setattr("acetui.verbs.report.JsonReport.take", gone)
    monkeypatch.setattr("acetui.cli._abandon_stdout", lambda: None)
    assert main(["render", "--seed", "7", "--json"]) == 1
