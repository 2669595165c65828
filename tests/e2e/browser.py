"""A real browser on the page of a real studio, whose engine alone is the double."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sessions.api import Server
from sessions.discovery import Place
from sessions.studio import Studio
from tests.sessions.jamming import Stage, stage

RATE = 48_000
SECONDS = 12.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def needs_browser() -> str:
    """The browser's program; skips the test where there is none."""
    pytest.importorskip("playwright", reason="Playwright drives the browser: pip install playwright")
    found = next((path for name in BROWSERS if (path := shutil.which(name)) is not None), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    return found


@dataclass
class Served:
    """A studio with its page."""

    studio: Studio
    server: Server
    url: str
    token: str
    made: Stage

    @property
    def address(self) -> str:
        """What opens the page at once."""
        return f"{self.url}#{self.token}"

    async def render(self, count: int) -> None:
        """Renders so many takes with something to hear: a swelling chord each."""
        for take in await (await self.studio.ask({"batch_size": count})):
            at = np.arange(round(SECONDS * RATE)) / RATE
            swell = np.minimum(1.0, at / SECONDS + 0.1) * (0.6 + 0.4 * np.sin(2 * np.pi * at / 3))
            tone = sum(np.sin(2 * np.pi * (110 + 11 * take.number) * part * at) / part for part in (1, 2, 3))
            sound = 0.15 * swell * tone
            soundfile.write(self.made.folder / take.files["audio"], np.stack([sound, sound], 1), RATE, subtype="PCM_24")
            self.studio.store.change(take.number, score=round(0.5 + take.number / 50, 2))


@asynccontextmanager
async def served(folder: Path, takes: int = 3, **tables: Any) -> AsyncIterator[Served]:
    """A session with so many takes of twelve seconds, and its page on a port."""
    tables.setdefault("recipe", {"caption": "Neon drive, slow", "duration": int(SECONDS)})
    made = stage(folder, **tables)
    place = Place.of(made.folder)
    place.make()
    async with Studio.open(made.folder, place, command=made.command) as studio, Server(studio) as server:
        found = Served(studio, server, await server.listen(), place.token(), made)
        if takes:
            await found.render(takes)
        yield found


@dataclass
class Watched:
    """A page, and what it did that it should not have done."""

    page: Any
    faults: list[str] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)

    async def second(self) -> float:
        """Where the audio is."""
        return float(await self.page.evaluate("document.getElementById('audio').currentTime"))

    async def wait(self, condition: str) -> None:
        """Waits until an expression is true in the page. The page's policy forbids the driver's own way to wait."""
        async with asyncio.timeout(30):
            while not await self.page.evaluate(f"Boolean({condition})"):
                await asyncio.sleep(0.03)

    async def playing(self, number: int | None) -> None:
        """Waits until a take is heard, or none is."""
        heard = "(() => { const a = document.getElementById('audio'); return !a.paused && a.currentTime > 0; })()"
        await self.wait(heard if number is not None else f"!{heard}")
        if number is not None:
            await self.wait(f"document.title.startsWith('▶ {number} ')")


class Browser:
    """One browser for several tests, with the event loop that it belongs to."""

    def __init__(self) -> None:
        program = needs_browser()
        from playwright.async_api import async_playwright

        self._runner = asyncio.Runner()
        self._driver = self._runner.run(async_playwright().start())
        flags = ["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required"]
        launch = self._driver.chromium.launch(executable_path=program, args=flags)
        self.started: Any = self._runner.run(launch)

    def run(self, act: Coroutine[Any, Any, None]) -> None:
        """Runs a test."""
        self._runner.run(act)

    def close(self) -> None:
        """Ends it."""
        self._runner.run(self.started.close())
        self._runner.run(self._driver.stop())
        self._runner.close()


@asynccontextmanager
async def page_of(browser: Browser, address: str, before: str = "", **options: Any) -> AsyncIterator[Watched]:
    """A page of its own, watched: no script may fail, and nobody but the studio may be asked.

    ``before`` is a script that is run before those of the page.
    """
    context = await browser.started.new_context(**options)
    page = await context.new_page()
    if before:
        await page.add_init_script(before)
    watched = Watched(page)
    origin = address.partition("#")[0]
    page.on("pageerror", lambda error: watched.faults.append(str(error)))
    page.on("console", lambda said: watched.faults.append(said.text) if "Content Security" in said.text else None)
    page.on("request", lambda asked: None if asked.url.startswith(origin) else watched.faults.append(asked.url))
    page.on("response", lambda answer: watched.answers.append((answer.status, answer.url.removeprefix(origin))))
    await page.goto(address)
    try:
        yield watched
        assert watched.faults == []
    finally:
        await context.close()
