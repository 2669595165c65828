"""A studio that notes what it is asked and tells what a test has it tell. No takes; for what stands around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.client import Client, StudioGone
from acetui.looks.terminal_settings import Found
from engine.profiles import Profile

NANO: dict[str, Any] = asdict(
    Profile(
        name="nano-turbo",
        family="turbo",
        xl=False,
        continuous=False,
        inference_steps=8,
        most_steps=20,
        advised_steps=(8, 8),
        shift=3.0,
        trained_shifts=(1.0, 2.0, 3.0),
        guidance_scale=1.0,
        guidance_fixed=True,
        tasks=("text2music",),
        sketch=True,
    )
)
"""The profile of the model in the box, as an engine tells it."""


BOX: dict[str, Any] = {
    "folder": "/nowhere/nano",
    "own": "/nowhere/models",
    "sketch": True,
    "music": ["acestep-v15-nano"],
    "planners": [],
    "trouble": None,
    "card": False,
    "wanted": [
        {"name": name, "kind": kind, "about": about, "bytes": size, "arrived": 0, "here": False, "elsewhere": None}
        for name, kind, about, size in (
            ("acestep-v15-turbo", "music", "8 steps, no guidance: the fastest", 4_790_000_000),
            ("vae", "vae", "latents to sound and back", 337_000_000),
            ("Qwen3-Embedding-0.6B", "text encoder", "reads captions and lyrics", 1_190_000_000),
        )
    ],
    "missing": ["acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B"],
    "bytes": 6_317_000_000,
    "free_bytes": 120_000_000_000,
    "hub": "https://hub.example",
    "use": None,
    "fetching": None,
}
"""The models of a machine that has only the one in the box, as a studio tells of them."""


class ToldStudio:
    """``asked`` has every call, ``tell`` sends an event, ``go`` breaks the connection; it comes back when ``there``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.there = True
        self.attached = 0
        self.loop_now: dict[str, Any] = {"on": False, "state": "idle", "reason": "", "made": 0}
        self.settings: dict[str, Any] = {"recipe": {}, "loop": {}}
        self.engine: dict[str, Any] = {"ready": True, "profile": None}
        self.machine: dict[str, Any] | None = None
        self.models_now: dict[str, Any] = dict(BOX)
        self.revision = 1
        self.refusal: Exception | None = None
        self._events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def connect(self) -> Client:
        """A connection, where there is one."""
        if not self.there:
            raise StudioGone("The studio does not answer (gone).", "Start it again with 'acetui'.")
        self.attached += 1
        return cast(Client, self)

    def tell(self, event: str, **data: Any) -> None:
        """Something has happened."""
        self._events.put_nowait({"event": event, "id": "x-1", **data})

    def go(self) -> None:
        """It is not there any more."""
        self.there = False
        self._events.put_nowait(None)

    # --- what a client can ask ---------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Nothing is open."""

    async def session(self) -> dict[str, Any]:
        return {
            "name": "neon",
            "last_event": None,
            "revision": {"number": self.revision, "settings": self.settings, "text": "", "problem": None},
            "loop": self.loop_now,
            "engine": self.engine,
            "progress": None,
            "machine": self.machine,
            "takes": {"total": 0, "trashed": 0},
        }

    async def events(self, after: str | None = None) -> AsyncIterator[dict[str, Any]]:
        while (event := await self._events.get()) is not None:
            yield event
        raise StudioGone("The studio does not answer (gone).", "Start it again with 'acetui'.")

    async def order(self, filter: str = "", sort: str = "-number") -> list[int]:
        return []

    async def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        return []

    async def loop(self, action: str, **overrides: Any) -> dict[str, Any]:
        self._note("loop", action)
        return self.loop_now

    async def change_recipe(self, revision: int, **tables: Mapping[str, Any]) -> dict[str, Any]:
        self._note("change_recipe", (revision, tables))
        return {"revision": revision + 1, "settings": self.settings}

    async def render(self, recipe: Mapping[str, Any] | None = None, *, wait: bool = False) -> dict[str, Any]:
        self._note("render", recipe)
        return {"accepted": True}

    async def call(self, method: str, path: str, *rest: Any, **more: Any) -> dict[str, Any]:
        self._note("call", (method, path))
        return {}

    async def drafts(self) -> list[dict[str, Any]]:
        return []

    async def keep_draft(self, terminal: str, revision: int, typed: Mapping[str, str]) -> dict[str, Any]:
        return {}

    async def fit(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        return {"fits": True, "sentence": f"fits: batch {recipe.get('batch_size') or 1}, 3.1 of 8.0 GB"}

    async def models(self) -> dict[str, Any]:
        return self.models_now

    async def fetch_models(self, names: Sequence[str]) -> dict[str, Any]:
        self._note("fetch_models", list(names))
        return self.models_now

    async def stop_fetching(self) -> dict[str, Any]:
        self._note("stop_fetching", None)
        return self.models_now

    async def tokens(self, **typed: str) -> dict[str, Any]:
        return dict.fromkeys(typed)

    def _note(self, what: str, about: Any) -> None:
        self.asked.append((what, about))
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal


@asynccontextmanager
async def studio(
    told: ToldStudio, size: tuple[int, int] = (100, 30), found: Found | None = None, **more: Any
) -> AsyncIterator[tuple[StudioApp, Pilot[str | None]]]:
    """The app, attached to ``told``."""
    app = StudioApp(Path("/nowhere/neon"), connect=told.connect, found=found, **more)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: told.attached > 0 and app.state.revision == told.revision)
        yield app, pilot


async def until(pilot: Pilot[Any], there: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for something to be so."""
    async with asyncio.timeout(seconds):
        while not there():
            await asyncio.sleep(0.01)
    await pilot.pause()
