"""``python -m tests.e2e.soak``: a studio makes thousands of tiny takes, and its processes are weighed meanwhile.

Prints a table: memory at the beginning and at the end, its slope over the second half of the run, open files. The
status is 1 where a process grows or leaks files, or where a take is not there at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acetui.client import Client, attach
from engine.files import TEMPORARY_PREFIX
from sessions.discovery import who_has
from tests.e2e import tiny

STEEPEST = 2.0
"""MB that a process may grow in a thousand takes: what the books of a session need for them, and a little air."""

MORE_FILES = 5
"""Files that may be open beyond those of the beginning: a connection comes and goes."""

SAMPLES = 200


@dataclass
class Weights:
    """One process over the run: takes made, resident megabytes and open files, at each look."""

    name: str
    points: list[tuple[int, float, int]] = field(default_factory=list)

    def look(self, made: int, pid: int) -> None:
        """Notes how the process is right now."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        files = len(os.listdir(f"/proc/{pid}/fd"))
        self.points.append((made, int(status["VmRSS"].split()[0]) / 1024, files))

    @property
    def slope(self) -> float:
        """MB for a thousand takes over the second half: a line through the points by least squares."""
        half = self.points[len(self.points) // 2 :]
        middle = sum(made for made, _, _ in half) / len(half)
        level = sum(megabytes for _, megabytes, _ in half) / len(half)
        spread = sum((made - middle) ** 2 for made, _, _ in half)
        if not spread:
            return 0.0
        return 1000 * sum((made - middle) * (megabytes - level) for made, megabytes, _ in half) / spread

    @property
    def leaks(self) -> int:
        """Files open at the end beyond those of the first tenth."""
        first = self.points[: max(1, len(self.points) // 10)]
        return self.points[-1][2] - max(files for _, _, files in first)

    def line(self) -> str:
        """A row of the table."""
        quarters = [self.points[int(share * (len(self.points) - 1))] for share in (0, 0.25, 0.5, 0.75, 1)]
        memory = "  ".join(f"{megabytes:7.1f}" for _, megabytes, _ in quarters)
        files = f"{self.points[0][2]:>3} to {self.points[-1][2]}"
        return f"{self.name:<8}  {memory}  {self.slope:+8.2f}  {files}"


async def soak(folder: Path, takes: int) -> tuple[list[Weights], list[str]]:
    """Makes so many takes, and returns what the processes weighed and what was wrong at the end."""
    session = tiny.session(folder)
    weights = [Weights("studio"), Weights("engine"), Weights("client")]
    numbers: Counter[int] = Counter()
    engines: set[int] = set()
    async with await attach(session) as studio:
        begun = await studio.session()
        await studio.loop("on", takes=takes, headless=True)
        async for event in studio.events(begun["last_event"]):
            if event["event"] == "take":
                numbers[event["take"]["number"]] += 1
                if len(numbers) % max(1, takes // SAMPLES) == 0:
                    engines.add(await _look(session, studio, len(numbers), weights))
            if event["event"] == "done":
                break
        faults = await _wrong(session, studio, numbers, takes)
    if len(engines) > 1:
        faults.append(f"there were {len(engines)} engines")
    return weights, faults


async def _look(session: Path, studio: Client, made: int, weights: list[Weights]) -> int:
    engine = int((await studio.session())["engine"]["pid"])
    holder = who_has(session)
    assert holder is not None
    for each, pid in zip(weights, (holder.pid, engine, os.getpid()), strict=True):
        each.look(made, pid)
    return engine


async def _wrong(session: Path, studio: Client, numbers: Counter[int], takes: int) -> list[str]:
    """What is not as it should be after the run."""
    faults = []
    if len(numbers) != takes or numbers.most_common(1)[0][1] > 1:
        faults.append(f"{len(numbers)} takes were announced, {sum(numbers.values())} times")
    page: dict[str, Any] = await studio.takes(limit=1)
    if page["total"] != takes:
        faults.append(f"the session has {page['total']} takes")
    for room, kinds in (("takes", 2), ("latents", 1)):
        found = os.listdir(session / room)
        if len(found) != kinds * takes:
            faults.append(f"{room}/ holds {len(found)} files")
        faults += [f"{room}/{name} was left behind" for name in found if name.startswith(TEMPORARY_PREFIX)]
    return faults


def verdicts(weights: list[Weights]) -> list[str]:
    """The processes that grow or leak."""
    grow = [f"the {each.name} grows by {each.slope:.2f} MB in 1000 takes" for each in weights if each.slope > STEEPEST]
    return grow + [f"the {each.name} leaks {each.leaks} files" for each in weights if each.leaks > MORE_FILES]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs it; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--takes", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="where the session is made, and kept")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="acetui-soak-") as made:
        folder = arguments.folder or Path(made)
        folder.mkdir(exist_ok=True)
        tiny.enter(folder)
        began = time.monotonic()
        weights, faults = asyncio.run(soak(folder, arguments.takes))
        minutes = (time.monotonic() - began) / 60
        tiny.acetui("studio", str(folder / "jam"), "--stop")
    print(f"{arguments.takes} takes in {minutes:.1f} minutes")
    print("process   MB at the start, 1/4, 1/2, 3/4, the end     MB / 1000  open files")
    for each in weights:
        print(each.line())
    faults += verdicts(weights)
    print("\n".join(f"WRONG: {fault}" for fault in faults) or "All is well.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
