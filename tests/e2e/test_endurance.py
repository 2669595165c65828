"""The long runs in short: `make soak` and `make kills` do the same for longer."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

if not Path("/proc/self/fd").exists():
    pytest.skip("no /proc", allow_module_level=True)

from acetui.client import attach
from tests.e2e import soak, tiny
from tests.e2e.kills import hunt


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder of its own, and its surroundings around this process."""
    before = dict(os.environ)
    tiny.enter(tmp_path)
    yield tmp_path
    tiny.acetui("studio", str(tmp_path / "jam"), "--stop")
    os.environ.clear()
    os.environ.update(before)


def test_a_short_soak_leaves_nothing_behind_and_no_file_open(place: Path) -> None:
    weights, faults = asyncio.run(soak.soak(place, 64))
    assert faults == []
    assert [each.name for each in weights] == ["studio", "engine", "client"]
    assert all(each.leaks <= soak.MORE_FILES for each in weights)
    assert all(len(each.points) >= 10 and each.points[0][1] > 10 for each in weights)


def test_a_slope_is_measured_over_the_second_half() -> None:
    weights = soak.Weights("x", [(n, 50 + (10 if n > 50 else n / 5) + n / 100, 7) for n in range(101)])
    assert weights.slope == pytest.approx(10.0, abs=0.01)
    assert soak.verdicts([weights]) == ["the x grows by 10.00 MB in 1000 takes"]
    assert soak.verdicts([soak.Weights("y", [(n, 50.0, 7 + n) for n in range(100)])]) == ["the y leaks 90 files"]


@pytest.mark.timeout(600)
def test_a_few_kills_lose_nothing(place: Path) -> None:
    hunted, takes = asyncio.run(hunt(place, 3, seed=1, longest=0.5))
    assert sum(hunted.kills.values()) == 3
    assert takes >= len(hunted.seen) > 0


@pytest.mark.timeout(600)
def test_the_loop_goes_on_when_its_terminal_and_the_runtime_folder_are_gone(place: Path) -> None:
    session = tiny.session(place)
    runtime = place / "runtime"
    runtime.mkdir(mode=0o700)
    terminal = subprocess.Popen(
        ["sh", "-c", '"$0" -m acetui studio "$1" && echo begun && sleep 600', sys.executable, str(session)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert terminal.stdout is not None
    assert b"begun\n" in iter(terminal.stdout.readline, b"")

    async def outlived() -> None:
        takes = session / "takes"
        await tiny.until(lambda: len(list(takes.glob("*.json"))) >= 3)
        shutil.rmtree(runtime)
        for number in (signal.SIGHUP, signal.SIGKILL):
            os.killpg(terminal.pid, number)
        terminal.wait()
        there = len(list(takes.glob("*.json")))
        await tiny.until(lambda: len(list(takes.glob("*.json"))) >= there + 3 * tiny.BATCH)
        async with await attach(session, start=False) as studio:
            assert (await studio.session())["loop"]["on"]

    asyncio.run(outlived())
    terminal.stdout.close()
