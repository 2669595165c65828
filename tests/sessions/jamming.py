"""A session with the scripted double of the engine, for tests of the loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sessions.at_work import Equipment
from sessions.engine_life import Patience
from sessions.events import Event
from sessions.jam import Jam
from sessions.new_session import create
from sessions.settings import Settings
from sessions.take import Take

ROOT = Path(__file__).parents[2]
FAST = Patience(hello=30.0, first_delay=0.05, longest_delay=0.2, deaths=4, tick=0.05)
SECONDS = 60.0


@dataclass
class Stage:
    """A folder with a session and the double's plan."""

    folder: Path
    seen: list[Event] = field(default_factory=list)

    @property
    def plan_file(self) -> Path:
        return self.folder.parent / "double" / "plan.json"

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-m", "tests.sessions.double_engine", str(self.plan_file))

    def plan(self, **plan: Any) -> None:
        """What the double does from its next job on."""
        self.plan_file.parent.mkdir(exist_ok=True)
        part = self.plan_file.with_suffix(".part")
        part.write_text(json.dumps(plan))
        os.replace(part, self.plan_file)

    def release(self) -> None:
        """Lets a double that holds go on."""
        self.plan_file.with_name("release").touch()

    @property
    def held(self) -> bool:
        return self.plan_file.with_name("held").exists()

    def requests(self) -> list[dict[str, Any]]:
        """Every request that reached the double."""
        lines = self.plan_file.with_name("requests.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def titles(self) -> list[str]:
        """What the audio of every such request was to be called; empty where the engine was to find a name."""
        return self.plan_file.with_name("titles").read_text().splitlines()

    def count(self, name: str) -> int:
        file = self.plan_file.with_name(f"count-{name}")
        return int(file.read_text()) if file.exists() else 0

    @contextlib.asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Jam]:
        """The session, open, with its events gathered in ``seen``."""
        recipe = options.pop("recipe", None)
        equipment = Equipment(**{"command": self.command, "patience": FAST, **options})
        async with Jam.open(self.folder, recipe=recipe, equipment=equipment) as jam:
            task = asyncio.create_task(self._gather(jam))
            try:
                yield jam
            finally:
                await asyncio.sleep(0)
                task.cancel()

    @contextlib.asynccontextmanager
    async def open_ready(self, workers: str, **options: Any) -> AsyncIterator[Jam]:
        """The session with engines that are all ready."""
        async with self.open(workers=workers, **options) as jam:
            await self.until(lambda: all(engine.ready for engine in jam.engine.engines))
            yield jam

    async def _gather(self, jam: Jam) -> None:
        async for event in jam.events.follow(0):
            self.seen.append(event)

    async def until(self, true: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Waits until something is so."""
        async with asyncio.timeout(seconds):
            while not (value := true()):
                await asyncio.sleep(0.005)
        return value

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.seen if event.event == kind]

    def told(self, words: str) -> bool:
        """Whether a notice, an error or a state says so."""
        return any(words in json.dumps(event.data) for event in self.seen if event.event in ("notice", "error", "loop"))

    @property
    def takes(self) -> list[dict[str, Any]]:
        return [event["take"] for event in self.of("take")]

    @property
    def states(self) -> list[str]:
        states = [event["state"] for event in self.of("loop")]
        return [state for i, state in enumerate(states) if i == 0 or state != states[i - 1]]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder, empty; import it where it is used."""
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def stage(folder: Path, *, plan: dict[str, Any] | None = None, **tables: Any) -> Stage:
    """A new session in ``folder`` with these tables, and a double with this plan."""
    tables.setdefault("recipe", {"caption": "Neon drive, slow", "duration": 10})
    tables.setdefault("loop", {}).setdefault("free_space_floor_gb", 0.0)
    create(folder / "jam", Settings.from_dict(tables))
    made = Stage(folder / "jam")
    made.plan(**(plan or {}))
    return made


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(SECONDS):
            return await coroutine

    return asyncio.run(limited())


BOTH_HOLD: dict[str, Any] = {"stage": "sampling", "do": "hold", "times": 2}


async def both_held(made: Stage, jam: Jam, **overrides: Any) -> asyncio.Task[Any]:
    """A run both of whose engines hold in the middle of something, of which the loop has heard."""
    task = asyncio.create_task(jam.run(headless=True, **overrides))
    await made.until(lambda: made.count("fault-0") >= 2 and sum(f.begun for f in jam.loop._renderer.flights) == 2)
    return task


def whole(made: Stage, takes: list[dict[str, Any]]) -> None:
    """Every announced take is there, whole, under a number of its own; nothing else is."""
    numbers = [take["number"] for take in takes]
    assert len(numbers) == len(set(numbers))
    for take in takes:
        for name in take["files"].values():
            assert (made.folder / name).read_bytes() == f"seed {take['seed']}".encode()
        stored = Take.from_json(next((made.folder / "takes").glob(f"{take['number']:04}-*.json")).read_bytes())
        assert stored.id == take["id"]
    files = {path.name for path in (made.folder / "takes").iterdir()}
    assert len(files) == 2 * len(numbers), files
    assert len(list((made.folder / "latents").iterdir())) == len(numbers)
