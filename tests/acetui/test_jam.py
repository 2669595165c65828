"""``acetui jam`` against the scripted double of the engine: sessions, flags, what is printed, signals, exit codes."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acetui.cli import main
from acetui.verbs import jam as verb
from acetui.verbs.jam_report import HumanJam, summary_lines, take_line
from sessions.at_work import Equipment
from sessions.recipe import SessionFile
from tests.sessions.jamming import FAST, Stage, state, whole

__all__ = ["state"]

Run = Callable[..., int]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> Stage:
    """A folder for a session, and a double; the session is made by the verb itself."""
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    made = Stage(tmp_path / "jam")
    made.plan()
    monkeypatch.setattr(verb, "Equipment", partial(Equipment, command=made.command, patience=FAST))
    return made


@pytest.fixture
def jam(made: Stage) -> Run:
    def run(*arguments: str, session: str = "./jam") -> int:
        return main(["jam", session, *arguments])

    return run


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def takes_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["take"] for line in lines if line["event"] == "take"]


# --- sessions and flags -----------------------------------------------------------------------------------------------


def test_a_session_is_made_from_the_flags_and_gone_on_with(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jam("--caption", "Slow jazz", "--bpm", "90", "--batch", "2", "--takes", "3", "--json") == 0
    first = events(capsys)
    assert {line["event"] for line in first} == {"loop", "run", "progress", "take", "done"}
    assert first[-1]["event"] == "done"
    assert first[-1]["summary"]["made"] == 3
    assert Path(first[-1]["summary"]["report"]).is_file()
    assert [line["state"] for line in first if line["event"] == "loop"] == ["loading", "rendering", "stopped"]
    settings = SessionFile(made.folder).read()
    assert settings.recipe.template == {"caption": "Slow jazz", "bpm": 90, "batch_size": 2}
    assert (settings.loop.takes, settings.models.device) == (None, "auto")

    assert jam("--takes", "2", "--json") == 0
    takes = takes_of(first) + takes_of(events(capsys))
    assert [take["number"] for take in takes] == [1, 2, 3, 4, 5]
    assert len({take["seed"] for take in takes}) == 5
    assert {take["revision"] for take in takes} == {1}
    assert all(take["id"] and take["verdict"] == "unheard" and take["operation"] == "render" for take in takes)
    whole(made, takes)


def test_a_source_of_the_command_line_is_kept_in_the_session(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its content, so that the session can go anywhere; its takes are of the task that works on it."""
    Path("song.wav").write_bytes(b"sound")
    flags = ("--task", "cover", "--source", "song.wav", "--caption", "waltz")
    assert jam(*flags, "--takes", "1", "--json") == 0
    (take,) = takes_of(events(capsys))
    digest = take["request"]["src_audio"]
    assert (take["operation"], take["parent"], len(digest)) == ("cover", None, 64)
    assert (made.folder / "sources" / f"{digest}.wav").read_bytes() == b"sound"
    assert SessionFile(made.folder).read().recipe.template["src_audio"] == digest


def test_recipe_flags_on_a_session_that_is_there_are_an_edit(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jam("--caption", "Slow jazz", "--bpm", "90", "--takes", "1", "--json") == 0
    assert jam("--bpm", "96", "--takes", "1", "--json") == 0
    lines = events(capsys)
    assert [(take["request"]["bpm"], take["revision"]) for take in takes_of(lines)] == [(90, 1), (96, 2)]
    (boundary,) = [line for line in lines if "boundary" in line]
    assert boundary["reason"] == "from take 2: bpm 90 -> 96"


def test_a_name_is_a_session_in_the_data_folder(jam: Run, made: Stage, tmp_path: Path) -> None:
    assert jam("--caption", "x", "--takes", "1", session="my-jam") == 0
    assert (tmp_path / "data" / "sessions" / "my-jam" / "session.toml").is_file()


def test_models_on_the_command_line_go_before_the_session_s(jam: Run, made: Stage) -> None:
    assert jam("--caption", "x", "--dit", "one", "--takes", "1") == 0
    assert jam("--dit", "two", "--takes", "1") == 0
    assert SessionFile(made.folder).read().models.dit == "one"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--takes", "0"], "takes"),
        (["--takes", "0"], "Leave it out for no such limit."),
        (["--nosuch"], "'acetui jam --help' explains"),
        (["--takes", "many"], "takes"),
        (["--minutes", "0"], "minutes"),
        (["--until-score", "2"], "until_score"),
        (["--keep", "-1"], "keep"),
        (["--policy", "chaos"], "policy"),
        (["--bpm", "9"], "bpm"),
        (["--task-type", "repaint"], "src_audio cannot be left out"),
        (["--device", "gpu"], "not a device"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_made(
    jam: Run, made: Stage, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jam(*argv) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""
    assert not made.folder.exists()


def test_a_new_session_of_which_nothing_is_said_is_refused_with_the_line_to_type(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jam("--takes", "1", "--bpm", "90") == 2
    said = capsys.readouterr().err
    assert "There is no session './jam' yet" in said
    assert "acetui jam ./jam --caption" in said
    assert not made.folder.exists()
    made.folder.mkdir()
    (made.folder / "session.toml").write_text("[recipe]\nbpm = 90\n")
    assert jam("--takes", "1") == 0  # a session that a person wrote so is theirs
    assert "the model makes what it likes" in capsys.readouterr().err


def test_a_folder_with_other_things_in_it_is_left_alone(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    made.folder.mkdir()
    (made.folder / "thesis.tex").touch()
    assert jam("--caption", "x", "--takes", "1") == 2
    assert "is no session, and it is not empty: 'thesis.tex' is in it." in capsys.readouterr().err
    assert os.listdir(made.folder) == ["thesis.tex"]
    (made.folder / "thesis.tex").unlink()
    (made.folder / ".DS_Store").touch()
    assert jam("--caption", "x", "--takes", "1") == 0
    (made.folder / "session.toml").unlink()
    assert jam("--caption", "x", "--takes", "1") == 2
    assert "a session whose session.toml is gone" in capsys.readouterr().err


def test_a_session_in_use_is_refused_with_its_holder(jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    from sessions.lock import SessionLock

    assert jam("--caption", "x", "--takes", "1") == 0
    with SessionLock.acquire(made.folder):
        assert jam("--takes", "1") == 1
    assert f"process {os.getpid()}" in capsys.readouterr().err


# --- what is printed --------------------------------------------------------------------------------------------------


def test_a_person_gets_a_calm_line_a_take_and_the_report(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jam("--caption", "Slow jazz", "--duration", "10", "--seed", "7", "8", "--batch", "2", "--takes", "2") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("0001  slow jazz  0:10  seed 7  made in ")
    assert out[1].startswith("0002  slow jazz  0:10  seed 8")
    assert out[2].startswith("2 takes made, 2 kept, 0 failed in 0:0")
    assert Path(out[3].removeprefix("The report: ")).read_text().startswith("# jam, ")


def test_a_status_line_says_how_far_it_is_and_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("acetui.progress.REDRAW_SECONDS", 0)
    autogen: Any = SimpleNamespace(run=SimpleNamespace(made=[1, 2]), loop=SimpleNamespace(takes=50))
    progress = {"event": "progress", "stage": "sampling", "done": 3, "total": 8, "take": 0}
    report = HumanJam()
    report.show(progress, autogen)
    report.show(progress | {"eta": {"batch": [1, 2], "run": [1080, 1440]}}, autogen)
    assert "3/8" in terminal.getvalue()
    assert "2/50 takes  18-24 min left" in terminal.getvalue()
    report.show({"event": "loop", "state": "paused", "reason": "the disk is full"}, autogen)
    assert terminal.getvalue().endswith("\r\x1b[Kpaused: the disk is full\n")


def test_a_score_that_a_scorer_gives_is_said_and_one_that_is_only_weighed_anew_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    autogen: Any = SimpleNamespace()
    scored = {"event": "scored", "number": 3, "score": 0.8, "parts": {}, "faults": []}
    HumanJam().show(scored, autogen)
    HumanJam().show({**scored, "number": 4, "weighed": True}, autogen)
    assert capsys.readouterr().out == "0003  score 0.80\n"


def test_siblings_and_sketches_are_marked() -> None:
    take = {"number": 7, "name": "x", "duration": 10.0, "seed": 1, "operation": "sibling", "timings": {"sampling": 2.0}}
    line = take_line(take | {"identity": {"profile": "nano-turbo"}})
    assert line == "0007  x  0:10  seed 1  sibling  made in 2.0 s  sketch model"
    poor = take_line(take | {"score": 0.5, "faults": ["silent from 0:02"]})
    assert poor.endswith("made in 2.0 s  score 0.50  fault: silent from 0:02")
    summary = {"failed": {"x": 2}, "made": 1, "kept": 1, "seconds": 61, "busy_share": 0.5, "report": None}
    assert summary_lines(summary) == "1 take made, 1 kept, 2 failed in 1:01; the engine was busy 50% of the time."


def test_a_reader_that_goes_away_ends_the_run_after_the_take(
    jam: Run, made: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("acetui.verbs.jam_report.JsonJam.show", gone)
    assert jam("--caption", "x", "--json") == 0
    assert "nobody reads" in next((made.folder / "reports").iterdir()).read_text()


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signals", "takes", "code"), [(["SIGINT"], 3, 0), (["SIGTERM"], 2, 0), (["SIGINT"] * 2, 1, 130)]
)
def test_signals_end_it_after_the_batch_the_take_or_now(
    jam: Run, made: Stage, signals: list[str], takes: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [{"stage": "sampling", "take": 1, "do": name} for name in signals]
    made.plan(faults=faults, step_seconds=0.05)
    assert jam("--caption", "x", "--batch", "3", "--json") == code
    lines = events(capsys)
    assert len(takes_of(lines)) == takes
    assert next(line["event"] for line in lines if line["event"] in ("done", "error")) == "done"
    assert (lines[-1]["event"] == "error") == (code == 130)
    whole(made, takes_of(lines))


def test_a_missing_model_is_exit_code_3(jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    made.plan(faults=[{"stage": "load", "do": "missing", "times": -1}])
    assert jam("--caption", "x", "--takes", "5", "--json") == 3
    lines = events(capsys)
    assert [line["error"] for line in lines if line["event"] == "error"] == ["There is no model."]
    assert lines[-1]["summary"]["made"] == 0


def test_a_recipe_of_which_nothing_comes_is_exit_code_1(
    jam: Run, made: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    made.plan(faults=[{"stage": "decode", "do": "fail", "times": -1}])
    assert jam("--caption", "x", "--takes", "5") == 1
    said = capsys.readouterr()
    assert "parked: 3 failures in a row" in said.err
    assert "Traceback" not in said.err
    assert "0 takes made, 0 kept, 3 failed" in said.out


def test_a_parked_recipe_waits_for_an_edit_but_not_for_ever(
    jam: Run, made: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [{"stage": "decode", "do": "fail", "times": 1, "render": n} for n in (2, 3, 4)]
    made.plan(faults=faults, step_seconds=0.05)
    monkeypatch.setattr(verb, "PARKED_SECONDS", 0.2)
    assert jam("--caption", "x", "--takes", "5", "--json") == 1
    assert len(takes_of(events(capsys))) == 1

    made.plan(faults=[{"stage": "decode", "do": "fail", "times": 2, "render": n} for n in (7, 8, 9)], step_seconds=0.05)
    monkeypatch.setattr(verb, "PARKED_SECONDS", 30)
    file = made.folder / "session.toml"

    def edit() -> None:
        done = threading.Event()
        while not done.wait(0.05):
            if made.count("render") >= 9:
                done.wait(0.5)
                file.write_text(file.read_text().replace('caption = "x"', 'caption = "y"'))
                return

    editor = threading.Thread(target=edit)
    editor.start()
    assert jam("--takes", "5", "--json") == 0
    editor.join()
    lines = events(capsys)
    assert "parked" in [line.get("state") for line in lines]
    assert len(takes_of(lines)) == 5
    assert takes_of(lines)[-1]["request"]["caption"] == "y"
