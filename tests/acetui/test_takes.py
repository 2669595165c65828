"""``acetui takes`` and ``acetui take``: on a folder, and through a studio that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import main
from acetui.verbs.takes import line
from acetui.verbs.verdicts import VERDICTS
from sessions.lock import SessionLock
from sessions.store import Store
from tests.sessions.jamming import Stage, stage
from tests.sessions.studios import running
from tests.sessions.takes import committed


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))


def filled(folder: Path) -> Stage:
    made = stage(folder)
    with Store.open(made.folder) as store:
        for number, score in enumerate((0.5, 0.9, 0.7, None), 1):
            committed(store, seed=number, score=score)
    return made


@pytest.fixture(params=["folder", "studio"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A session with four takes, alone or with its studio."""
    made = filled(tmp_path)
    if request.param == "folder":
        yield made
        return
    with running(made):
        yield made


class Said:
    def __init__(self, made: Stage, capsys: pytest.CaptureFixture[str]) -> None:
        self.made = made
        self.capsys = capsys

    def __call__(self, *argv: str, code: int = 0) -> list[dict[str, Any]]:
        """The JSON lines of a verb that ends with ``code``."""
        assert main([argv[0], str(self.made.folder), *argv[1:], "--json"]) == code
        return [json.loads(each) for each in self.capsys.readouterr().out.splitlines()]

    def numbers(self, *argv: str) -> list[int]:
        return [take["number"] for take in self(*argv)]


def test_ties_are_marked_where_takes_are_listed_by_their_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = stage(tmp_path)
    with Store.open(made.folder) as store:
        for seed, (score, faults) in enumerate(((0.5, ()), (0.9, ()), (0.9, ()), (0.9, ("silent",)), (None, ()))):
            committed(store, seed=seed, score=score, faults=faults)

    def scores(*sort: str) -> list[str]:
        assert main(["takes", str(made.folder), *sort]) == 0
        return [line.split()[1] for line in capsys.readouterr().out.splitlines()]

    assert scores("--sort", "-score") == ["0.90", "0.90~", "0.50", "-", "0.90"]
    assert scores() == ["0.50", "0.90", "0.90", "0.90", "-"]


def test_lists_and_verdicts(made: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(made, capsys)
    assert said.numbers("takes") == [1, 2, 3, 4]
    assert said.numbers("takes", "--sort", "-score", "--top", "2") == [2, 3]
    assert said.numbers("takes", "--filter", "score>=0.7", "--sort=-number") == [3, 2]
    assert said.numbers("take", "pin", "best", "4") == [2, 4]
    assert said.numbers("take", "show", "pinned") == [2, 4]
    assert said.numbers("take", "like", "1-2", "last") == [1, 2, 4]
    said("take", "like", "1")
    assert [take["verdict"] for take in said("take", "show", "1-4")] == ["liked", "pinned", "unheard", "pinned"]
    assert [take["rating"] for take in said("take", "rate", "1-2", "4")] == [4, 4]
    assert said("take", "rate", "1", "none")[0]["rating"] is None
    assert said("take", "note", "3", "nice bass")[0]["note"] == "nice bass"
    said("take", "tag", "3", "summer")
    assert said("take", "tag", "3", "night")[0]["tags"] == ["summer", "night"]
    assert said("take", "untag", "3", "summer")[0]["tags"] == ["night"]
    assert said("take", "reject", "1")[0]["verdict"] == "rejected"
    assert said("take", "unreject", "1")[0]["verdict"] == "unheard"
    assert said("take", "trash", "id4")[0]["trashed"]
    assert said.numbers("takes") == [1, 2, 3]
    assert not said("take", "restore", "4")[0]["trashed"]
    assert said("take", "unpin", "2")[0]["verdict"] == "liked"
    for argv, code, words in (
        (("take", "show", "99"), 3, "99"),
        (("take", "show", "20-30"), 3, "from 20 to 30"),
        (("take", "pin", "1", "99"), 3, "99"),
        (("take", "show", "9-1"), 2, "backwards"),
        (("take", "rate", "1", "7"), 2, "rating"),
        (("take", "rate", "1"), 2, "behind them"),
        (("takes", "--filter", "score>>"), 2, "column"),
        (("takes", "--sort", "beauty"), 2, "column 1"),
    ):
        (error,) = said(*argv, code=code)
        assert error["event"] == "error"
        assert words in error["error"], error
    assert said("take", "show", "1")[0]["pinned"] is False


def test_the_trash_is_emptied_when_a_person_says_so(made: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(made, capsys)
    said("take", "trash", "1", "2", "4")
    said("take", "restore", "4")
    (error,) = said("take", "delete", "3", code=2)
    assert "Take 3 is not in the trash" in error["error"]
    (error,) = said("take", "delete", "1-2", "3", code=3)  # what is in the trash is no part of a range
    gone = said("take", "delete", "trashed")
    assert [(take["number"], take["deleted"]) for take in gone] == [(1, True), (2, True)]
    assert said.numbers("takes", "--filter", "trashed or not trashed") == [3, 4]
    assert not list((made.folder / "trash").rglob("*.json"))
    (error,) = said("take", "delete", "trashed", code=3)
    assert error["error"] == "The trash is empty."


def test_every_verb_of_the_contract_is_there() -> None:
    named = "pin, unpin, like, reject, rate, note, tag, trash, restore, show"
    assert set(named.split(", ")) <= VERDICTS.keys()


def test_a_session_that_something_else_writes_can_be_read_and_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(filled(tmp_path), capsys)
    with SessionLock.acquire(said.made.folder):
        assert said.numbers("takes") == [1, 2, 3, 4]
        (error,) = said("take", "pin", "1", code=1)
        assert "in use" in error["error"]


def test_a_session_that_is_not_there_is_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (
        ["takes", "nothing"],
        ["take", "nothing", "pin", "1"],
        ["studio", "nothing"],
        ["verify", "nothing", "1"],
    ):
        assert main(argv) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_takes_as_people_read_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = filled(tmp_path)
    assert main(["take", str(made.folder), "rate", "2", "3"]) == 0
    out = capsys.readouterr().out
    assert out.split() == ["2", "0.90", "unheard", "0:01", "neon", "drive", "seed", "2", "***"]
    assert main(["take", str(made.folder), "show", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["number"] == 1
    with Store.open(made.folder) as store:
        take = store.change(1, note="a\nb", tags=["x"], faults=["silent"]).object()
    assert line(take).endswith("seed 1  fault: silent  #x  a b")
    assert line(take | {"operation": "repaint"}).endswith("seed 1  repaint  fault: silent  #x  a b")
    assert line(take | {"note": "snare " * 100}).endswith(f"#x  {('snare ' * 100)[:77]}...")
    sketched = take | {"identity": take["identity"] | {"profile": "nano-turbo"}}
    assert line(sketched).endswith("a b  sketch model")


def test_lists_need_no_http(tmp_path: Path) -> None:
    import subprocess

    made = filled(tmp_path)
    script = "import sys; from acetui.cli import main; main(sys.argv[1:]); assert 'aiohttp' not in sys.modules"
    subprocess.run([sys.executable, "-c", script, "takes", str(made.folder)], check=True, capture_output=True)
