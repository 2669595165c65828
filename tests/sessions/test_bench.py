"""Benchmarks of a machine: what is counted, the table, what is kept; and the verb on a double of the engine."""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import main
from acetui.verbs import bench as verb
from engine.process import EngineProcess
from engine.protocol import Output
from sessions.bench import FILE, KEPT, Bench, keep, kept, timings_of
from sessions.eta import FILE as ETA
from tests.engine.nvml_double import GB, DoubleCard, library

TAKE = {"timings": {"conditions": 0.5, "planner": 2.0, "sampling": 1.0, "decode": 0.25, "write": 0.1}}


def found(**more: Any) -> Bench:
    values: dict[str, Any] = {
        "when": "2026-01-01T00:00:00+00:00",
        "machine": {"processor": "a processor", "cores": 2, "memory_gb": 24.0},
        "identity": {"device": "x86_64", "dtype": "float32", "threads": 2, "models": {"nano": "ab"}, "engine": "0.1"},
        "request": {"inference_steps": 8},
        "size": 2,
        "seconds": 20.0,
        "starts": [{"start": 0.3, "load": 9.0}, {"start": 0.2, "load": 3.0}],
        "batches": [
            {"conditions": 0.5, "sampling": 4.0, "all": 12.0},
            *({"sampling": x, "all": 2 * x} for x in (1, 5, 2)),
        ],
    }
    return Bench(**values | more)


def test_what_the_takes_of_a_batch_share_is_counted_once() -> None:
    timings = timings_of([TAKE, TAKE], 6.0)
    assert timings == {"conditions": 0.5, "planner": 2.0, "sampling": 2.0, "decode": 0.5, "write": 0.2, "all": 6.0}
    without = {"timings": {"conditions": 0.0, "sampling": 1.0}}
    assert timings_of([without], 1.5) == {"conditions": 0.0, "sampling": 1.0, "all": 1.5}


def test_cold_and_the_middle_of_the_warm() -> None:
    rows = {name: (cold, warm) for name, cold, warm in found().rows()}
    assert rows["start"] == (0.3, 0.2)
    assert rows["load"] == (9.0, 3.0)
    assert rows["conditions"] == (0.5, None)
    assert rows["sampling"] == (4.0, 2.0)
    assert rows["a batch"] == (12.0, 4.0)
    assert "decode" not in rows
    assert found().speed == pytest.approx(2 * 20.0 / 4.0)
    assert found(batches=[{"sampling": 1.0, "all": 10.0}]).speed == pytest.approx(4.0)


def test_the_table_can_be_pasted() -> None:
    table = found(peak_gb=1.25).table().splitlines()
    assert "| stage | cold | warm |" in table
    assert "| sampling | 4.00 s | 2.00 s |" in table
    assert "| start | 300 ms | 200 ms |" in table
    assert "| conditions | 500 ms | - |" in table
    assert table[-1] == "10.00 seconds of music a second, warm; 1.2 GB at most"
    assert table[0].startswith("x86_64, float32, ")  # of a card this is its name
    processor = found(identity={"device": "x86_64", "instruction_set": "AVX2", "dtype": "float32"}).table()
    assert processor.startswith("a processor, float32, ")


def test_runs_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    assert kept(tmp_path / "new") == []
    for number in range(KEPT + 2):
        keep(found(size=number + 1), tmp_path / "new")
    runs = kept(tmp_path / "new")
    assert [run["takes"] for run in runs] == list(range(3, KEPT + 3))
    (tmp_path / "new" / FILE).write_text("{")
    assert kept(tmp_path / "new") == []
    (tmp_path / "file").touch()
    keep(found(), tmp_path / "file")  # a place that cannot be written to is no reason to fail


def test_the_verb_prints_a_table_and_teaches_estimates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"steps": 2}))
    double = (sys.executable, "-m", "tests.sessions.double_engine", str(plan))
    monkeypatch.setattr(verb.EngineProcess, "start", functools.partial(EngineProcess.start, command=double))
    monkeypatch.setattr(verb, "Output", functools.partial(Output, keep_latents=True))  # the double always has them
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path))
    assert main(["bench", "--seconds", "2", "--batch", "2", "--rounds", "2", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["takes"], last["seconds"]) == ("bench", 2, 2.0)
    assert last["stages"]["a batch"]["warm"] > 0
    assert last["peak_gb"] > 0
    assert [run["speed"] for run in kept(tmp_path)] == [last["speed"]]
    assert json.loads((tmp_path / ETA).read_text())["observed"]


def test_memory_is_that_of_the_card_where_the_driver_tells() -> None:
    with library(DoubleCard(total=800 * GB, tenants=((os.getpid(), 300 * GB), (1, GB))), DoubleCard(total=8 * GB)):
        assert verb._most_memory(os.getpid()) == 300 * GB
    with library():
        mine = verb._most_memory(os.getpid())
    assert mine is not None
    assert 10_000_000 < mine < 300 * GB  # its own memory, whatever else the tests of this process took


@pytest.mark.parametrize(
    "argv", [["--seconds", "0.5"], ["--seconds", "x"], ["--batch", "9"], ["--rounds", "0"], ["--device", "tpu"]]
)
def test_what_cannot_be_measured_is_refused(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert main(["bench", *argv]) == 2
    assert capsys.readouterr().err
