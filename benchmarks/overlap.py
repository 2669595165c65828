"""The loop at work: how long a run of batches takes, beside the sum of its stages run one after the other.

The run is ``acetui jam`` with the real engine and random tiny weights. The stages alone are the same work without
anything beside it: sampling and decoding in a process that does nothing else, then encoding and writing, then the
commit. Whatever the loop adds of its own shows as a ratio above 1, what it does at the same time as one below.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import targets
from benchmarks.rows import Area, Row
from engine.request import Request

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
        _python(root, "engine.testing", str(root / "models"), "--no-lm")
        before = _alone(root, sizes)
        wall, busy = _jam(root, sizes)
        after = _alone(root, sizes)
    stages = [(one + other) / 2 * sizes.batches / sizes.alone for one, other in zip(before, after, strict=True)]
    takes = sizes.batches * sizes.takes
    area = Area(f"A run of {sizes.batches} batches of {sizes.takes} takes of {sizes.seconds:g} s", ("took", "peer"))
    for stage, seconds in zip(STAGES, stages, strict=True):
        area.rows.append(Row(f"{stage} alone", seconds, note=f"{1000 * seconds / takes:.0f} ms a take"))
    area.rows.append(
        Row(
            "the run", wall, sum(stages), target=targets.OVERLAP, note="peer: the sum of the stages; first step to last"
        )
    )
    area.notes.append(f"The engine was busy {busy:.0%} of the time, its start and the model's loading included.")
    area.notes.append(f"{len(os.sched_getaffinity(0))} cores were to be had; what else ran on them disturbs the ratio.")
    return [area]


def _jam(root: Path, sizes: Sizes) -> tuple[float, float]:
    """Seconds from the first sign of work to the last take of a run, and how busy the engine was."""
    flags = [word for name, value in sizes.recipe.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    takes = sizes.batches * sizes.takes
    first = last = 0.0
    busy = 0.0
    for at, event in _lines(root, "jam", str(root / "jam"), "--takes", str(takes), *_models(root), *flags):
        if event["event"] == "progress" and event["stage"] == "conditions":
            first = first or at
        if event["event"] == "take":
            last = at
            print(f"\r[overlap] {event['take']['number']} of {takes}", end="", file=sys.stderr, flush=True)
        if event["event"] == "done":
            busy = event["summary"]["busy_share"]
            assert event["summary"]["made"] == takes
    print(file=sys.stderr)
    return last - first, busy


def _models(root: Path) -> tuple[str, ...]:
    return ("--models", str(root / "models"), *MACHINE)


def _lines(root: Path, *arguments: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """The events of a verb, each with the moment in which it was read."""
    command = [sys.executable, "-m", "acetui", *arguments, "--json"]
    with subprocess.Popen(command, cwd=ROOT, env=_env(root), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield time.perf_counter(), json.loads(line)
    assert process.returncode == 0


def _alone(root: Path, sizes: Sizes) -> list[float]:
    """Seconds of every stage for ``sizes.alone`` batches, from a process of its own."""
    print("[overlap] the stages alone", file=sys.stderr, flush=True)
    said = _python(root, "benchmarks.overlap", json.dumps([str(root), sizes.alone, sizes.recipe]))
    return list(json.loads(said))


def _python(root: Path, module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=_env(root), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _env(root: Path) -> dict[str, str]:
    """One thread, which sleeps while it waits, as the engine's process has it; folders of its own."""
    own = {"ACETUI_STATE": str(root / "state"), "ACETUI_DATA": str(root / "data")}
    return {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", **own}


def stages(root: Path, batches: int, recipe: dict[str, Any]) -> list[float]:
    """Renders, writes and commits ``batches`` with nothing beside, one stage after the other; seconds of each."""
    import torch

    from engine.pipeline import Engine, TakeReady
    from engine.protocol import Output
    from engine.seeds import draw_seed
    from engine.take_files import write_take
    from sessions.store import Store
    from sessions.take import Take

    torch.set_num_threads(1)
    engine = Engine.load(root / "models", device="cpu", dtype="float32")
    seconds = [0.0, 0.0, 0.0]
    session = root / f"alone-{os.getpid()}"
    session.mkdir()
    with Store.open(session) as store:
        _rendered(engine, recipe, TakeReady, draw_seed)  # the first is for the caches
        for batch in range(batches):
            began = time.perf_counter()
            takes = _rendered(engine, recipe, TakeReady, draw_seed)
            seconds[0] += time.perf_counter() - began
            for index, take in enumerate(takes):
                output = Output(str(session / "takes"), f"new-{batch}-{index}", keep_latents=True)
                began = time.perf_counter()
                made = write_take(take, output)
                seconds[1] += time.perf_counter() - began
                began = time.perf_counter()
                store.commit(Take.from_render(made, session, number=store.next_number(), revision=1))
                seconds[2] += time.perf_counter() - began
    return seconds


def _rendered(engine: Any, recipe: dict[str, Any], ready: Any, seed: Any) -> list[Any]:
    request = Request.from_dict({**recipe, "seeds": [seed() for _ in range(recipe["batch_size"])]})
    return [event.take for event in engine.stream(request) if isinstance(event, ready)]


if __name__ == "__main__":
    folder, batches, recipe = json.loads(sys.argv[1])
    print(json.dumps(stages(Path(folder), batches, recipe)))
