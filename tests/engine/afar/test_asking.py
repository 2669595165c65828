"""How many engines a cluster has places for, and what is said where there is no cluster, or no Ray."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.afar import asking
from engine.afar.asking import places_in
from engine.afar.cluster import Cluster
from engine.errors import BadCheckpoint, EngineError
from sessions import workers as hired
from sessions.workers import Worker, workers


def test_a_number_that_is_told_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_asked", lambda address: pytest.fail("it was asked"))
    assert places_in("ray://box:10001/4") == ("ray://box:10001", 4)
    found, less = workers("ray://auto/2")
    command = (sys.executable, "-P", "-m", "engine.afar", "ray://auto", "--number")
    assert found == (
        Worker(name="ray 1", device="auto", command=(*command, "0")),
        Worker(name="ray 2", device="auto", command=(*command, "1")),
    )
    assert less == ""


def test_a_cluster_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        asked.extend(command)
        return subprocess.CompletedProcess(command, 0, b'noise\n{"places": 3}\n', b"")

    monkeypatch.setattr(subprocess, "run", run)
    assert places_in("ray://box:10001") == ("ray://box:10001", 3)
    assert asked[-3:] == ["engine.afar", "ray://box:10001", "--count"]
    assert len(workers("ray://box:10001")[0]) == 3
    assert "ray" not in vars(hired)


@pytest.mark.parametrize("said", [b"", b"nonsense\n"])
def test_a_cluster_that_does_not_answer_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: subprocess.CompletedProcess([], 1, said, b""))
    with pytest.raises(EngineError, match="at ray://auto does not answer") as error:
        places_in("ray://auto")
    assert "ray status" in error.value.hint


def test_what_the_cluster_says_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps({"error": "Ray is not installed here.", "hint": "Install it.", "field": None}).encode()
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: subprocess.CompletedProcess([], 1, said, b""))
    with pytest.raises(EngineError, match="Ray is not installed here") as error:
        places_in("ray://auto")
    assert error.value.hint == "Install it."


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadCheckpoint, match="Ray is not installed") as error, Cluster("ray://auto"):
        pass
    assert "acetui[ray]" in error.value.hint


def test_a_cluster_that_cannot_be_joined_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**options: Any) -> None:
        assert (options["address"], options["log_to_driver"]) == ("auto", False)
        raise ConnectionError("a long story")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    with pytest.raises(EngineError, match="The Ray cluster at ray://auto cannot be joined"), Cluster("ray://auto"):
        pass


def test_neither_studio_nor_terminal_load_ray() -> None:
    loaded = "acetui.cli, acetui.app, sessions.daemon, sessions.jam, sessions.workers, engine.afar.asking"
    code = f"import sys, {loaded}; print('ray' in sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_program_says_what_is_wrong_in_its_one_line() -> None:
    root = Path(__file__).parents[3]
    code = "import sys; sys.modules['ray'] = None; from engine.afar.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "ray://auto", "--count"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "Ray is not installed here."
    assert "Ray is not installed here." in done.stderr
