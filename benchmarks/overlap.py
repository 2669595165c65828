"""The loop at work: how long a run of batches takes, beside the sum of its stages run one after the other.

The run is ``acetui jam`` with the real engine and random tiny weights. The stages alone are the same work without
anything beside it: sampling and decoding in a process that does nothing else, then encoding and writing, then the
commit. Whatever the loop adds of its own shows as a ratio above 1, what it does at the same time as one below.

Processor time is told beside the time that went by: it says the same whatever else the machine has to do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import targets
from benchmarks.rows import Area, Row
from engine.request import Request
from sessions.new_session import create
from sessions.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
CAPTION = "Neon drive, slow"
MACHINE = ("--device", "cpu", "--dtype", "float32", "--threads", "1")
STAGES = ("conditions, sampling, decode", "encode and write", "commit")


@dataclass(frozen=True)
class Sizes:
    """How much is rendered."""

    batches: int = 100
    alone: int = 10
    """Batches for the stages alone, as many before the run as after it."""

    takes: int = 1
    seconds: float = 20.0
    steps: int = 8

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(2, 1, 2, 1.0, 1)

    @property
    def recipe(self) -> dict[str, Any]:
        """What is rendered."""
        return {
            "caption": CAPTION,
            "duration": self.seconds,
            "inference_steps": self.steps,
            "batch_size": self.takes,
        }


def run(sizes: Sizes) -> list[Area]:
    """The table."""
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        root = Path(folder)
        program(root, "engine.testing", str(root / "models"), "--no-lm")
        before = _alone(root, sizes)
        jam = _jam(root, sizes)
        after = _alone(root, sizes)
    scale = sizes.batches / sizes.alone / 2
    wall, cpu = ([scale * sum(each) for each in zip(before[kind], after[kind], strict=True)] for kind in (0, 1))
    takes = sizes.batches * sizes.takes
    area = Area(f"A run of {sizes.batches} batches of {sizes.takes} takes of {sizes.seconds:g} s", ("took", "peer"))
    for stage, seconds, worked in zip(STAGES, wall, cpu, strict=True):
        note = f"{1000 * seconds / takes:.0f} ms a take, {1000 * worked / takes:.0f} of them processor time"
        area.rows.append(Row(f"{stage} alone", seconds, note=note))
    note = "from the first step to the last take; peer is the sum of the stages"
    area.rows.append(Row("the run", jam.wall, sum(wall), target=targets.OVERLAP, note=note))
    area.rows.append(Row("the run, processor time", jam.cpu, sum(cpu), note="of the loop and its engine together"))
    area.notes.append(f"The engine was busy {jam.busy:.0%} of the time, its start and the model's loading included.")
    area.notes.append(f"{len(os.sched_getaffinity(0))} cores were to be had; what else ran on them disturbs the ratio.")
    return [area]


@dataclass
class Measured:
    """A run, from the first sign of work to the last take: seconds, processor seconds, and how busy the engine was."""

    wall: float = 0.0
    cpu: float = 0.0
    busy: float = 0.0


def _jam(root: Path, sizes: Sizes) -> Measured:
    flags = flags_of(sizes.recipe)
    takes = sizes.batches * sizes.takes
    create(root / "jam", Settings.from_dict({"loop": {"faulty_before_parking": 0}}))  # random weights pass no gate
    command = [sys.executable, "-m", "acetui", "jam", str(root / "jam"), "--takes", str(takes), "--json"]
    command += ["--models", str(root / "models"), *MACHINE, *flags]
    run, began = Measured(), (0.0, 0.0)
    with subprocess.Popen(command, cwd=ROOT, env=environment(root), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and event["stage"] == "conditions" and not began[0]:
                began = time.perf_counter(), _cpu(process.pid)
            if event["event"] == "take":
                run.wall, run.cpu = time.perf_counter() - began[0], _cpu(process.pid) - began[1]
                print(f"\r[overlap] {event['take']['number']} of {takes}", end="", file=sys.stderr, flush=True)
            if event["event"] == "done":
                run.busy = event["summary"]["busy_share"]
                assert event["summary"]["made"] == takes
    assert process.returncode == 0
    print(file=sys.stderr)
    return run


def _cpu(pid: int) -> float:
    """Processor seconds of a process and its children so far; 0 where the system does not tell."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in (pid, *children)]
    except OSError:
        return 0.0
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def _alone(root: Path, sizes: Sizes) -> list[list[float]]:
    """Seconds, and processor seconds, of every stage for ``sizes.alone`` batches, from a process of its own."""
    print("[overlap] the stages alone", file=sys.stderr, flush=True)
    said = program(root, "benchmarks.overlap", json.dumps([str(root), sizes.alone, sizes.recipe]))
    return list(json.loads(said))


def flags_of(recipe: Mapping[str, Any]) -> list[str]:
    """A recipe as the command line has it."""
    return [word for name, value in recipe.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def program(root: Path, module: str, *arguments: str) -> str:
    """What a module of the project prints."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(root), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def environment(root: Path) -> dict[str, str]:
    """One thread, which sleeps while it waits, as the engine's process has it; folders of its own."""
    own = {"ACETUI_STATE": str(root / "state"), "ACETUI_DATA": str(root / "data")}
    return {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", **own}


def stages(root: Path, batches: int, recipe: dict[str, Any]) -> list[list[float]]:
    """Renders, writes and commits ``batches`` with nothing beside; seconds of each stage, then processor seconds."""
    import torch

    from engine.pipeline import Engine, TakeReady
    from engine.protocol import Output
    from engine.seeds import draw_seed
    from engine.take_files import write_take
    from sessions.store import Store
    from sessions.take import Take

    torch.set_num_threads(1)
    engine = Engine.load(root / "models", device="cpu", dtype="float32")
    seconds, worked = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]

    def timed(stage: int, work: Any) -> Any:
        began, before = time.perf_counter(), time.process_time()
        result = work()
        seconds[stage] += time.perf_counter() - began
        worked[stage] += time.process_time() - before
        return result

    session = root / f"alone-{os.getpid()}"
    session.mkdir()
    with Store.open(session) as store:
        _rendered(engine, recipe, TakeReady, draw_seed)  # the first is for the caches
        for batch in range(batches):
            for index, take in enumerate(timed(0, lambda: _rendered(engine, recipe, TakeReady, draw_seed))):
                output = Output(str(session / "takes"), f"new-{batch}-{index}", keep_latents=True)
                made = timed(1, lambda take=take, output=output: write_take(take, output))
                new = Take.from_render(made, session, number=store.next_number(), revision=1)
                timed(2, lambda new=new: store.commit(new))
    return [seconds, worked]


def _rendered(engine: Any, recipe: dict[str, Any], ready: Any, seed: Any) -> list[Any]:
    request = Request.from_dict({**recipe, "seeds": [seed() for _ in range(recipe["batch_size"])]})
    return [event.take for event in engine.stream(request) if isinstance(event, ready)]


if __name__ == "__main__":
    folder, batches, recipe = json.loads(sys.argv[1])
    print(json.dumps(stages(Path(folder), batches, recipe)))
