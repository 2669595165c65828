"""A terminal on a real studio whose takes are noise of their own, pulled by miniaudio's null device."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.browsing import take_details
from acetui.doing.listing import list_with
from acetui.player.device import Device
from acetui.player.outputs import Output, Pull
from tests.acetui.player.listening import noise, written
from tests.acetui.real_desk import real_desk
from tests.acetui.scripted_studio import settled
from tests.sessions.studios import Api

SECONDS = 20.0


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing waits for the cursor to rest; import it where it is used."""
    monkeypatch.setattr(take_details, "REST_SECONDS", 0.0)
    monkeypatch.setenv("ACETUI_CONFIG", str(tmp_path / "config"))


def null(pull: Pull) -> Output:
    """An output that takes sound in real time, and is heard nowhere."""
    return Device("auto", pull, ("NULL",))


@asynccontextmanager
async def desk(
    folder: Path, takes: int = 2, seconds: float = SECONDS
) -> AsyncIterator[tuple[StudioApp, Pilot[str | None], Api]]:
    """A terminal on a session whose takes have something to hear, the newest first."""
    recipe = {"caption": "Neon drive, slow", "duration": int(SECONDS)}
    async with real_desk(folder, takes=takes, recipe=recipe) as (app, pilot, studio):
        app.listening.opener = null
        for made in (await studio("GET", "/api/takes"))["takes"]:
            sound = written(folder, noise(seconds, made["number"]))
            (studio.made.folder / made["files"]["audio"]).write_bytes(sound.path.read_bytes())
        list_with(app, sort="-number")
        await settled(app, pilot)
        app.perform("first")
        await settled(app, pilot)
        yield app, pilot, studio


def second(app: StudioApp) -> float:
    """What is heard now."""
    assert app.listening._player is not None
    return app.listening._player.look().second
