"""The terminal on a real studio in this process, over its real HTTP; only the engine is the scripted double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.client import Client
from tests.acetui.scripted_studio import settled
from tests.sessions.jamming import stage
from tests.sessions.studios import TOKEN, Api, api


@asynccontextmanager
async def real_desk(
    folder: Path, size: tuple[int, int] = (120, 40), takes: int = 3, **tables: Any
) -> AsyncIterator[tuple[StudioApp, Pilot[str | None], Api]]:
    """A session with so many takes, its studio, and the terminal attached to it."""
    async with api(stage(folder, **tables)) as studio:
        if takes:
            await studio.takes(takes)
        url = str(studio.client.make_url("/"))

        async def connect() -> Client:
            return Client(TOKEN, url=url)

        app = StudioApp(studio.made.folder, connect=connect)
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            yield app, pilot, studio
