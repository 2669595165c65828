"""A session whose engines run in a Ray cluster of several machines, some of which are lost. ``make test-ray``.

The machines are processes of this one, started by Ray's own cluster utility, each with room for two engines.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.afar.asking import places_in
from engine.process import COMMAND
from sessions.at_work import Equipment
from sessions.jam import Jam
from tests.sessions.jamming import BOTH_HOLD, FAST, ROOT, Stage, both_held, run, stage, state, whole

__all__ = ["state"]

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("state")]

PATIENT = replace(FAST, hello=60.0, deaths=20)


class Machines:
    """A cluster of two machines, the second of which can be lost."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        books = {
            "num_cpus": 2,
            "include_dashboard": False,
            "ray_client_server_port": self.port,
            # A machine that is gone is missed after some seconds; here it is looked for more often.
            "_system_config": {"health_check_period_ms": 500, "health_check_failure_threshold": 2},
        }
        self.cluster = Cluster(initialize_head=True, head_node_args=books)
        self.second = self.cluster.add_node(num_cpus=2)

    def lose(self) -> None:
        """One machine ends at once, with everything on it."""
        self.cluster.remove_node(self.second, allow_graceful=False)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_ADDRESS", "RAY_USAGE_STATS_ENABLED")}
    os.environ |= {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    made = Machines()
    os.environ["RAY_ADDRESS"] = made.cluster.address
    try:
        yield made
    finally:
        made.cluster.shutdown()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def afar(made: Stage, workers: str = "ray://auto/2") -> AbstractAsyncContextManager[Jam]:
    """The session with two engines of the cluster that are ready."""
    return made.open_ready(workers, patience=PATIENT)


def test_takes_are_made_on_two_machines_and_kept_here(machines: Machines, tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 2}, plan={"faults": [BOTH_HOLD]})

    async def through() -> Any:
        async with afar(made) as jam:
            task = await both_held(made, jam, takes=6)
            assert [each["name"] for each in jam.room.described(jam.loop.at_work)] == ["ray 1", "ray 2"]
            made.release()
            return await task

    assert places_in("ray://auto") == ("ray://auto", 2)  # one a machine, where there are no cards
    report = run(through())
    assert (report.made, report.engine_deaths) == (6, 0)
    assert [take["number"] for take in made.takes] == [1, 2, 3, 4, 5, 6]
    whole(made, made.takes)


def test_from_outside_the_cluster_through_its_port(machines: Machines, tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 2})

    async def through() -> Any:
        async with afar(made, f"ray://127.0.0.1:{machines.port}/1") as jam:
            return await jam.run(headless=True, takes=2)

    assert run(through()).made == 2
    whole(made, made.takes)


def test_the_samples_are_those_of_an_engine_here(machines: Machines, tmp_path: Path, tiny_turbo: Path) -> None:
    recipe = {"caption": "slow jazz", "duration": 1, "batch_size": 2, "seeds": [1, 2], "thinking": False}
    models = {"models": str(tiny_turbo), "device": "cpu", "dtype": "float32", "threads": 1}
    hashes: list[Any] = []
    for name, workers in (("here", ""), ("there", "ray://auto/1")):
        (tmp_path / name).mkdir()
        made = stage(tmp_path / name, recipe=recipe, models=models)

        async def through(made: Stage = made, workers: str = workers) -> Any:
            equipment = Equipment(command=COMMAND, workers=workers)
            async with Jam.open(made.folder, equipment=equipment) as jam:
                return await jam.run(headless=True, takes=2)

        assert run(through()).made == 2
        takes = [json.loads(path.read_text()) for path in sorted((made.folder / "takes").glob("*.json"))]
        hashes.append([(take["seed"], take["hashes"], take["identity"]) for take in takes])
    assert hashes[0] == hashes[1]


def test_a_machine_that_is_lost_costs_nothing(machines: Machines, tmp_path: Path) -> None:
    seeds = list(range(1, 13))
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 2, "seeds": seeds}, plan={"faults": [BOTH_HOLD]})

    async def through() -> Any:
        async with afar(made) as jam:
            task = await both_held(made, jam, takes=12)
            await asyncio.to_thread(machines.lose)
            await made.until(lambda: jam.engine.deaths)
            made.release()
            report = await task
            await made.until(lambda: jam.engine.width == 2)  # what was lost is there again, on the other machine
            return report

    report = run(through())
    assert (report.made, report.failed) == (12, {})
    assert [take["number"] for take in made.takes] == list(range(1, 13))
    assert sorted(take["seed"] for take in made.takes) == seeds
    whole(made, made.takes)
