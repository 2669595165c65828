"""Several engines beside one: takes an hour of a session on the processor, and what an engine behind Ray costs.

Each run is ``acetui jam`` with the real engine, random tiny weights and one thread an engine. It is measured from the
take after which everything is warm to the last one. Two engines on two cores share them with the loop and the rest.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.overlap import CAPTION, ROOT, environment, flags_of, program
from benchmarks.rows import Area, Row
from sessions.new_session import create
from sessions.settings import Settings

HOUR = 3600.0
ONE = "one engine"

Kind = tuple[str, str, int]
"""What is run: its name, its engines, and the threads of each."""

HERE: tuple[Kind, ...] = ((ONE, "cpu", 1), ("two engines", "cpu,cpu", 1), ("one engine with two threads", "cpu", 2))
BEHIND_RAY: tuple[Kind, ...] = (
    ("one engine behind Ray", "ray://auto/1", 1),
    ("two engines behind Ray", "ray://auto/2", 1),
)


@dataclass(frozen=True)
class Sizes:
    """How much is rendered."""

    rounds: int = 2
    takes: int = 24
    warm: int = 8
    """Takes before it is looked at the clock: all engines have their models by then, and have used them."""

    seconds: float = 20.0
    steps: int = 8

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(1, 4, 2, 1.0, 1)


def run(sizes: Sizes) -> list[Area]:
    """The table."""
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        root = Path(folder)
        program(root, "engine.testing", str(root / "models"), "--no-lm")
        found: dict[str, float] = {}
        with _cluster() as there:
            runs = [*HERE, *(BEHIND_RAY if there else ())] * sizes.rounds
            for number, (what, workers, threads) in enumerate(runs):
                took = _jam(root / f"jam-{number}", what, workers, threads, sizes, there)
                found[what] = min(took, found.get(what, took))
    title = f"A run of {sizes.takes} takes of {sizes.seconds:g} s, one at a time an engine; the best of {sizes.rounds}"
    area = Area(title, ("a take", "one engine"))
    for what, seconds in found.items():
        note = f"{HOUR / seconds:.0f} takes an hour, {found[ONE] / seconds:.2f} times one engine's"
        area.rows.append(Row(what, seconds, found[ONE], note=note))
    area.notes.append(f"{len(os.sched_getaffinity(0))} cores were to be had.")
    if not there:
        area.notes.append("Ray is not installed: nothing was measured behind it.")
    return [area]


def _jam(session: Path, what: str, workers: str, threads: int, sizes: Sizes, more: Mapping[str, str]) -> float:
    """Seconds a take, from the one after which all is warm to the last."""
    root = session.parent
    create(session, Settings.from_dict({"loop": {"faulty_before_parking": 0}}))  # random weights pass no gate
    recipe = {"caption": CAPTION, "duration": sizes.seconds, "inference_steps": sizes.steps, "batch_size": 1}
    command = [sys.executable, "-m", "acetui", "jam", str(session), "--takes", str(sizes.takes), "--json"]
    command += ["--models", str(root / "models"), "--device", "cpu", "--dtype", "float32", "--threads", str(threads)]
    command += ["--workers", workers, *flags_of(recipe)]
    env = {**environment(root), **more}
    env.pop("OMP_NUM_THREADS")
    began = ended = 0.0
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "take":
                ended = time.perf_counter()
                began = ended if event["take"]["number"] == sizes.warm else began
                print(f"\r[several] {what}: {event['take']['number']}", end="", file=sys.stderr, flush=True)
    assert process.returncode == 0
    print(file=sys.stderr)
    return (ended - began) / (sizes.takes - sizes.warm)


@contextlib.contextmanager
def _cluster() -> Iterator[dict[str, str]]:
    """A Ray cluster of this machine alone, as a session finds it; empty where there is no Ray."""
    if importlib.util.find_spec("ray") is None:
        yield {}
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        yield {"RAY_ADDRESS": str(cluster.address)}
    finally:
        cluster.shutdown()
