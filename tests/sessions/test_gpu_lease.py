"""One studio at a time on a card."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cards import Card
from sessions.gpu_lease import Lease, LeaseHolder, card_of


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("sessions.gpu_lease._cards", tuple)  # whatever this machine has


@pytest.mark.parametrize(
    ("device", "env", "card"),
    [
        ("cpu", {}, None),
        ("mps", {}, "mps"),
        ("cuda", {}, "cuda-0"),
        ("cuda:1", {}, "cuda-1"),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "4,7"}, "cuda-7"),
        ("cuda", {"CUDA_VISIBLE_DEVICES": "GPU-1a/2"}, "cuda-GPU-1a-2"),
        ("cuda:3", {"CUDA_VISIBLE_DEVICES": "4"}, "cuda-3"),
    ],
)
def test_which_card_a_device_is(device: str, env: dict[str, str], card: str | None) -> None:
    assert card_of(device, env) == card


def test_a_card_has_one_name_whichever_way_it_is_told() -> None:
    cards = (Card(index=0, name="a", uuid="GPU-1a", total=8), Card(index=1, name="b", uuid="GPU-2b", total=24))

    def named(device: str, visible: str | None = None) -> str | None:
        env = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        return card_of(device, env, ("/dev/null",), lambda: cards)

    names = [named("auto"), named("cuda:1"), named("cuda", "1"), named("cuda", "GPU-2"), named("GPU-2b")]
    assert set(names) == {"cuda-GPU-2b"}
    assert named("cuda") == named("auto", "0") == "cuda-GPU-1a"


def test_auto_is_a_card_where_there_is_a_driver_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert card_of("auto", {}, signs=("/dev/null",)) == "cuda-0"
    monkeypatch.setattr(sys, "platform", "linux")
    assert card_of("auto", {}, signs=("/dev/nothing-of-the-kind",)) is None


def test_a_cpu_needs_no_lease(tmp_path: Path) -> None:
    first, second = Lease(None, "a"), Lease(None, "b")
    assert first.try_now() is second.try_now() is None
    assert not first.is_wanted()
    assert not (tmp_path / "state").exists()


def test_the_second_one_learns_who_has_it_and_gets_it_afterwards() -> None:
    async def act() -> None:
        first, second = Lease("cuda-0", "first"), Lease("cuda-0", "second")
        told: list[LeaseHolder] = []
        async with first.during(told.append):
            assert not first.is_wanted()
            waiting = asyncio.create_task(second.acquire(told.append))
            while not told:
                await asyncio.sleep(0.01)
            assert first.is_wanted()
            assert Lease("cuda-1", "elsewhere").try_now() is None
        await asyncio.wait_for(waiting, 10)
        assert told == [LeaseHolder("first", os.getpid())]
        assert second.held
        assert not second.is_wanted()
        second.release()

    asyncio.run(act())


def test_a_process_that_is_killed_has_no_lease(tmp_path: Path) -> None:
    script = "import sys, time; from sessions.gpu_lease import Lease; print(Lease('cuda-0', 'x').try_now(), flush=True)"
    process = subprocess.Popen([sys.executable, "-c", f"{script}; time.sleep(60)"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"None\n"
    assert Lease("cuda-0", "y").try_now() == LeaseHolder("x", process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    assert Lease("cuda-0", "y").try_now() is None


def test_a_file_that_says_nothing_is_still_a_lock(tmp_path: Path) -> None:
    lease = Lease("cuda-0", "x")
    lease.try_now()
    (tmp_path / "state" / "cards" / "cuda-0.lock").write_text("")
    assert Lease("cuda-0", "y").try_now() == LeaseHolder("of another studio", 0)
    lease.release()
