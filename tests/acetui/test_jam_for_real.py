"""``acetui jam`` as a person runs it: its own process, the real engine, random tiny weights, real signals and kills."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import acetui

pytest.importorskip("torch")

ROOT = Path(acetui.__file__).parent.parent
SECONDS = 120
QUICK = ("--duration", "10", "--inference-steps", "2", "--caption", "Neon drive")
MACHINE = ("--device", "cpu", "--dtype", "float32", "--threads", "1")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    from engine.testing import make_checkpoint

    return str(make_checkpoint(tmp_path_factory.mktemp("jam") / "models", lm=False))


@contextlib.contextmanager
def jamming(session: Path, checkpoint: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    state = str(session.parent / "state")
    process = subprocess.Popen(
        [sys.executable, "-m", "acetui", "jam", str(session), "--models", checkpoint, *MACHINE, *arguments, "--json"],
        env={**os.environ, "PYTHONPATH": search, "ACETUI_STATE": state, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    return (json.loads(line) for line in process.stdout)


def jam(session: Path, checkpoint: str, *arguments: str) -> list[dict[str, Any]]:
    with jamming(session, checkpoint, *arguments) as process:
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        assert "Traceback" not in err
    return [json.loads(line) for line in out.splitlines()]


def takes_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["take"] for line in lines if line["event"] == "take"]


def check_whole(session: Path, takes: list[dict[str, Any]]) -> None:
    """Every announced take is there, playable, with its recipe inside and the very latents that were decoded."""
    from safetensors.numpy import load_file

    from engine.audio import RATE, read
    from engine.tags import RECIPE, read_tags

    for take in takes:
        audio = session / take["files"]["audio"]
        assert audio.name.startswith(f"{take['number']:04}-neon-drive-{take['seed']}")
        assert read(audio).shape == (2, round(take["duration"] * RATE))
        assert json.loads(read_tags(audio)[RECIPE]) == take["request"]
        latents = load_file(session / take["files"]["latents"])["latents"]
        assert hashlib.sha256(latents.tobytes()).hexdigest() == take["hashes"]["latents"]
        assert json.loads(audio.with_suffix(".json").read_text())["id"] == take["id"]
    numbers = [take["number"] for take in takes]
    assert numbers == sorted(set(numbers))
    assert len({take["seed"] for take in takes}) == len(takes)
    assert len(list((session / "takes").iterdir())) == 2 * len(takes)


def test_a_jam_and_another_one_after_it(checkpoint: str, tmp_path: Path) -> None:
    session = tmp_path / "jam"
    first = jam(session, checkpoint, *QUICK, "--batch", "2", "--takes", "3")
    second = jam(session, checkpoint, "--takes", "2", "--keep", "1")
    takes = takes_of(first) + takes_of(second)
    assert [take["number"] for take in takes] == [1, 2, 3, 4, 5]
    assert [take["layout"]["size"] for take in takes] == [2, 2, 1, 2, 2]
    assert (second[-1]["summary"]["kept"], second[-1]["summary"]["trashed"]) == (1, 1)
    assert len(list((session / "trash" / "takes").iterdir())) == 2
    check_whole(session, takes[:4])
    stages = {line["stage"] for line in first if line["event"] == "progress"}
    assert stages >= {"load", "conditions", "sampling", "decode", "write"}
    assert any("eta" in line for line in second)  # learnt in the first run, on this machine
    assert len(list((session / "reports").iterdir())) == 2


def test_kill_9_of_the_engine_loses_no_announced_take_and_an_edit_counts_from_the_next_batch(
    checkpoint: str, tmp_path: Path
) -> None:
    session = tmp_path / "jam"
    file = session / "session.toml"
    seen: list[dict[str, Any]] = []
    with jamming(session, checkpoint, *QUICK, "--bpm", "90", "--takes", "5") as process:
        for line in lines_of(process):
            seen.append(line)
            made = len(takes_of(seen))
            if line["event"] == "take" and made == 1:
                file.write_text(file.read_text().replace("bpm = 90", "bpm = 96"))
            if line["event"] == "take" and made == 3:
                os.kill(engine_of(process.pid), signal.SIGKILL)
        assert process.wait(SECONDS) == 0
    takes = takes_of(seen)
    assert len(takes) == 5
    assert seen[-1]["summary"]["engine_deaths"] == 1
    check_whole(session, takes)
    bpms = [take["request"]["bpm"] for take in takes]
    assert bpms == sorted(bpms)
    if 96 in bpms:  # the edit may come too late on a slow disk, and then there is no boundary either
        (boundary,) = [line["boundary"] for line in seen if "boundary" in line]
        assert boundary == {"take": takes[bpms.index(96)]["number"], "revision": 2, "changed": "bpm 90 -> 96"}


def test_two_engines_make_the_takes_that_one_makes_also_when_one_is_killed(checkpoint: str, tmp_path: Path) -> None:
    seeds = ("--seeds", "1,2,3", "--batch", "1", "--takes", "3")
    alone = takes_of(jam(tmp_path / "alone", checkpoint, *QUICK, *seeds))
    seen: list[dict[str, Any]] = []
    with jamming(tmp_path / "jam", checkpoint, *QUICK, *seeds, "--workers", "cpu,cpu") as process:
        for line in lines_of(process):
            seen.append(line)
            if line["event"] == "take" and len(takes_of(seen)) == 1:
                os.kill(engine_of(process.pid), signal.SIGKILL)
        assert process.wait(SECONDS) == 0
    takes = takes_of(seen)
    assert seen[-1]["summary"]["engine_deaths"] <= 1  # it may have done its part already
    check_whole(tmp_path / "jam", takes)
    assert {take["seed"]: take["hashes"] for take in takes} == {take["seed"]: take["hashes"] for take in alone}
    assert {json.dumps(take["identity"]) for take in takes + alone} == {json.dumps(alone[0]["identity"])}


def engine_of(pid: int) -> int:
    """The process id of the first engine that a jam has running."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("this system does not tell a process's children")
    return int(children.read_text().split()[0])


def test_ctrl_c_twice_stops_at_once_and_leaves_nothing_half_made(checkpoint: str, tmp_path: Path) -> None:
    session, pressed = tmp_path / "jam", 0
    seen: list[dict[str, Any]] = []
    slow = ("--duration", "240", "--inference-steps", "20", "--caption", "Neon drive")
    with jamming(session, checkpoint, *slow) as process:
        for line in lines_of(process):
            seen.append(line)
            if line["event"] == "progress" and line["stage"] == "sampling" and pressed < 2:
                process.send_signal(signal.SIGINT)
                pressed += 1
        assert process.wait(SECONDS) == 130
    assert next(line for line in seen if line["event"] == "done")["summary"]["reason"] == "Ctrl-C"
    assert [line["hint"] for line in seen if line["event"] == "error"] == ["0 finished takes are kept."]
    assert list((session / "takes").iterdir()) == []
