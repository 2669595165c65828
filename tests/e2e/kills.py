"""``python -m tests.e2e.kills``: engine, studio and client of a real session are killed again and again.

Two kills in three come at a random moment. The others are aimed: at the moment in which the victim has a temporary
file open, or in which the index has just been written. After each kill the session must be as it was told: every
announced take there, whole and playable, no number twice, nothing half-written of dead processes, and the loop goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
from safetensors.numpy import load_file

from acetui.client import attach
from engine.files import TEMPORARY_PREFIX
from sessions.discovery import who_has
from tests.e2e import tiny

VICTIMS = ("engine", "studio", "client")
SHARES = (3, 4, 3)
LONGEST = 2.5
"""Seconds before a kill, at most."""

TOO_SOON = 0.15
"""How often the next kill comes before the loop has made a take again: it may then hit a start."""

AIM_SECONDS = 2.0
"""How long to lie in wait for the moment; then it is killed all the same."""

ORPHAN_SECONDS = 10.0
"""How long an engine may live on after its studio: it may finish what it writes."""


class Lost(AssertionError):
    """Something that was promised is not so."""


@dataclass
class Hunt:
    """One session under fire."""

    folder: Path
    session: Path
    draw: random.Random
    longest: float = LONGEST
    client: subprocess.Popen[bytes] | None = None
    seen: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Takes that were announced and looked at, by number."""

    read: int = 0
    """Bytes of the client's book that were read."""

    kills: Counter[str] = field(default_factory=Counter)
    orphans: float = 0.0
    """The longest that an engine lived on after its studio, in seconds."""

    @property
    def book(self) -> Path:
        return self.folder / "announced.jsonl"

    # --- the hunted ---------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Starts studio, loop and client."""
        async with await attach(self.session) as studio:
            await studio.loop("on", headless=True)
        self.start_client()

    def start_client(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.announced", str(self.session), str(self.book)]
        with open(self.folder / "client.log", "ab") as log:
            self.client = subprocess.Popen(command, cwd=tiny.ROOT, stdout=log, stderr=log)

    def studio_pid(self) -> int:
        holder = who_has(self.session)
        if holder is None:
            raise Lost("no studio runs")
        return holder.pid

    async def engine_pid(self) -> int:
        """The engine's process; waits until there is one."""
        async with await attach(self.session, start=False) as studio:
            async with asyncio.timeout(60):
                while (pid := (await studio.session())["engine"]["pid"]) is None:
                    await asyncio.sleep(0.05)
        return int(pid)

    # --- a kill -------------------------------------------------------------------------------------------------------

    async def kill(self) -> None:
        """One kill of somebody at some moment, what follows from it, and the looks afterwards."""
        victim = self.draw.choices(VICTIMS, SHARES)[0]
        aim = self.draw.choice(("", "", "write", "index"))
        engine = await self.engine_pid()
        pid = {"engine": engine, "studio": self.studio_pid(), "client": self.client.pid if self.client else 0}[victim]
        await asyncio.sleep(self.draw.uniform(0, self.longest))
        if victim != "client" and aim:
            await self._lie_in_wait("index" if victim == "studio" and aim == "index" else "write", pid)
            victim = f"{victim} ({aim if victim == 'studio' else 'write'})"
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.kills[victim] += 1
        if victim == "client":
            assert self.client is not None
            self.client.wait()
            self.start_client()
        elif victim.startswith("studio"):
            await self._wait_for_the_end(engine)
            async with await attach(self.session) as studio:  # starts it again
                if not (await studio.session())["loop"]["on"]:
                    raise Lost("the loop does not go on")
        await self.look()
        if self.draw.random() > TOO_SOON:
            await self.goes_on()

    async def _lie_in_wait(self, moment: str, pid: int) -> None:
        until = time.monotonic() + AIM_SECONDS
        log = self.session / "takes.db-wal"
        before = _stamp(log)
        while time.monotonic() < until:
            if moment == "index" and _stamp(log) != before:
                return
            if moment == "write" and any(
                name.startswith(f"{TEMPORARY_PREFIX}{pid}-")
                for room in ("takes", "latents")
                for name in os.listdir(self.session / room)
            ):
                return
            await asyncio.sleep(0)

    async def _wait_for_the_end(self, pid: int) -> None:
        began = time.monotonic()
        while _runs(pid):
            if time.monotonic() - began > ORPHAN_SECONDS:
                raise Lost("the engine lives on without its studio")
            await asyncio.sleep(0.01)
        self.orphans = max(self.orphans, time.monotonic() - began)

    # --- the looks ----------------------------------------------------------------------------------------------------

    def news(self) -> list[dict[str, Any]]:
        """What was announced since the last look; half a line of a killed client was not."""
        with open(self.book, "rb") as book:
            book.seek(self.read)
            lines, _, _ = book.read().rpartition(b"\n")
        self.read += len(lines) + 1 if lines else 0
        found = []
        for line in lines.splitlines():
            with contextlib.suppress(ValueError):  # the half, and the first line of the next client behind it
                found.append(json.loads(line))
        return found

    async def look(self) -> None:
        """Every take that was announced is there: the new ones whole and playable, the old ones still."""
        for take in self.news():
            before = self.seen.setdefault(take["number"], take)
            if before["id"] != take["id"]:
                raise Lost(f"two takes have the number {take['number']}")
            check_take(self.session, take)
        for take in self.seen.values():
            for name in take["files"].values():
                if not (self.session / name).exists():
                    raise Lost(f"{name} is gone")
        left = [
            name
            for room in (".", "takes", "latents")
            for name in os.listdir(self.session / room)
            if name.startswith(TEMPORARY_PREFIX) and not _runs(int(name.removeprefix(TEMPORARY_PREFIX).split("-")[0]))
        ]
        if left:
            await asyncio.sleep(1.0)  # the studio may be about to sweep what its dead engine left
            left = [
                name for name in left if any((self.session / room / name).exists() for room in ("takes", "latents"))
            ]
        if left:
            raise Lost(f"left behind: {left}")

    async def goes_on(self) -> None:
        """The loop makes another take."""
        async with await attach(self.session, start=False) as studio:
            before = (await studio.takes(limit=1))["total"]
            async with asyncio.timeout(120):
                while (await studio.takes(limit=1))["total"] <= before:
                    await asyncio.sleep(0.05)

    async def end(self) -> int:
        """Ends everything, and looks at all of the session once more; returns how many takes it has."""
        async with await attach(self.session) as studio:
            await studio.loop("stop-now")
            async with asyncio.timeout(60):
                while (await studio.session())["loop"]["on"]:
                    await asyncio.sleep(0.1)
            takes = []
            while page := (await studio.takes(sort="number", limit=1000, offset=len(takes)))["takes"]:
                takes += page
        tiny.acetui("studio", str(self.session), "--stop")
        if self.client is not None:
            self.client.kill()
            self.client.wait()
        self.seen |= {take["number"]: take for take in self.news()}
        if not self.seen:
            raise Lost("the client was told of nothing")
        await self._last_look(takes)
        return len(takes)

    async def _last_look(self, takes: list[dict[str, Any]]) -> None:
        numbers = [take["number"] for take in takes]
        ids = {take["id"] for take in takes}
        if len(set(numbers)) != len(numbers) or len(ids) != len(takes):
            raise Lost("a number or an id is there twice")
        if lost := [take["number"] for take in self.seen.values() if take["id"] not in ids]:
            raise Lost(f"announced, and not in the session: {lost}")
        seeds = Counter(take["seed"] for take in takes)
        if twice := [seed for seed, count in seeds.items() if count > 1]:
            raise Lost(f"seeds that were rendered twice: {twice}")
        for take in takes:
            check_take(self.session, take)
        files = {name for take in takes for name in take["files"].values()}
        there = {f"{room}/{name}" for room in ("takes", "latents") for name in os.listdir(self.session / room)}
        loose = {name for name in there - files if not name.endswith(".json")}
        if loose:
            raise Lost(f"files that no take has: {sorted(loose)[:5]}")


def check_take(session: Path, take: dict[str, Any]) -> None:
    """Raises Lost unless the audio decodes to its length, and latents and JSON are those that were announced."""
    audio = session / take["files"]["audio"]
    try:
        samples, rate = soundfile.read(audio, dtype="float32")
        latents = load_file(session / take["files"]["latents"])["latents"]
        told = json.loads(audio.with_suffix(".json").read_text(encoding="utf-8"))
    except Exception as cause:
        raise Lost(f"take {take['number']} cannot be read: {cause}") from cause
    if len(samples) != round(take["duration"] * rate) or not abs(samples).max() > 0.1:
        raise Lost(f"the audio of take {take['number']} is not whole")
    if take["hashes"] and hashlib.sha256(latents.tobytes()).hexdigest() != take["hashes"]["latents"]:
        raise Lost(f"the latents of take {take['number']} are others")
    if (told["id"], told["number"], told["seed"]) != (take["id"], take["number"], take["seed"]):
        raise Lost(f"the JSON of take {take['number']} is another's")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def hunt(
    folder: Path, kills: int, seed: int, longest: float = LONGEST, minutes: float = math.inf
) -> tuple[Hunt, int]:
    """So many kills of a new session in ``folder``, or as many as there is time for. Raises Lost."""
    until = time.monotonic() + 60 * minutes
    hunted = Hunt(folder, tiny.session(folder), random.Random(seed), longest)
    await hunted.begin()
    try:
        await hunted.goes_on()
        for number in range(1, kills + 1):
            await hunted.kill()
            if time.monotonic() > until:
                break
            if number % 10 == 0:
                print(f"{number} kills, {len(hunted.seen)} takes announced", file=sys.stderr, flush=True)
        return hunted, await hunted.end()
    except BaseException:
        if hunted.client is not None:
            hunted.client.kill()
        tiny.acetui("studio", str(hunted.session), "--stop")
        raise


def main(argv: Sequence[str] | None = None) -> int:
    """Runs it; 0 if nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=math.inf, help="no kill after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the session is made, and kept")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="acetui-kills-") as made:
        folder = arguments.folder or Path(made)
        folder.mkdir(exist_ok=True)
        tiny.enter(folder)
        began = time.monotonic()
        try:
            hunted, takes = asyncio.run(hunt(folder, arguments.kills, arguments.seed, minutes=arguments.minutes))
        except Lost as lost:
            print(f"LOST: {lost}.")
            return 1
    minutes = (time.monotonic() - began) / 60
    print(
        f"{sum(hunted.kills.values())} kills in {minutes:.1f} minutes, seed {arguments.seed}; {takes} takes were made,"
    )
    print(f"{len(hunted.seen)} of them announced to the client, and every one is there, whole, under one number.")
    for victim, times in sorted(hunted.kills.items()):
        print(f"  {times:>4}  {victim}")
    print(f"An engine lived on for {hunted.orphans:.2f} s at most after its studio was killed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
