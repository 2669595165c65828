"""A session to take pictures of: takes of every kind, a recipe with revisions, a machine; no clock in any of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.looks.terminal_settings import Found
from tests.acetui.scripted_studio import ScriptedStudio, settled, take
from tests.acetui.told_studio import BOX, studio, until
from tests.acetui.written_studio import WrittenStudio

LYRICS = """[Intro - synth]

[Verse 1]
Headlights bend along the shore
Every mile a closing door

[Chorus - anthemic]
WE ARE ONLY TAIL LIGHTS NOW
(only tail lights now)
"""
RECIPE = {"caption": "melancholic synthwave, female vocal, airy pads", "lyrics": LYRICS, "bpm": 96}
MACHINE = {"device": "cuda", "name": "NVIDIA H200", "tier": "unlimited", "total_gb": 139.8, "used_gb": 11.2, "cards": 1}
PARTS = {"lyric_alignment": 0.91, "semantic": 0.84, "signal": 1.0}


def takes() -> list[dict[str, Any]]:
    """Takes of every kind, best first."""
    return [
        take(41, score=0.874, parts=PARTS, pinned=True, heard=True, revision=3),
        take(46, score=0.868, parts=PARTS, parent="id41", operation="sibling", revision=3),
        take(38, score=0.81, liked=True, heard=True, rating=4, tags=("keep",), revision=2),
        take(45, score=0.78, note="the late snare", revision=3),
        take(36, score=0.74, name="tail lights", duration=130.0, revision=2),
        take(37, score=0.66, rejected=True, heard=True, revision=2),
        take(35, faults=("silent",), duration=130.0, revision=1),
    ]


class PicturedStudio(WrittenStudio):
    """Revisions as ``WrittenStudio`` has them, takes as ``ScriptedStudio`` has them."""

    def __init__(self) -> None:
        super().__init__({"caption": "synthwave", "bpm": 96})
        self.becomes({"recipe": {"caption": "synthwave, female vocal", "bpm": 104}})
        self.becomes({"recipe": RECIPE})
        self.machine = MACHINE
        self.models_now = {**BOX, "card": True}
        self._takes = ScriptedStudio(takes())
        for name in ("order", "rows", "take", "takes", "peaks", "why"):
            setattr(self, name, getattr(self._takes, name))

    async def session(self) -> dict[str, Any]:
        said = await super().session()
        return said | {"takes": {"total": len(self._takes.kept), "trashed": 0, "unheard": 4}}


class _Client:
    """The studio as a client has it: there, ``revision`` is a question and not a number."""

    def __init__(self, told: PicturedStudio) -> None:
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._told, "revision_of" if name == "revision" else name)


@asynccontextmanager
async def pictured(size: tuple[int, int], found: Found) -> AsyncIterator[tuple[StudioApp, Pilot[str | None]]]:
    """The terminal on it, with everything on the screen that it has to show."""
    told = PicturedStudio()
    connect = told.connect

    async def as_client() -> Any:
        await connect()
        return _Client(told)

    told.connect = as_client  # type: ignore[method-assign]
    async with studio(told, size, found) as (app, pilot):
        await until(pilot, lambda: app.writing.settled)
        await settled(app, pilot)
        app.say("")
        await pilot.pause()
        yield app, pilot
