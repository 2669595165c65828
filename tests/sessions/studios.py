"""Studios with the scripted double of the engine: in this process with their API, and as processes of their own.

``python -m tests.sessions.studios SESSION PLAN IDLE`` is a studio process whose engine is the double.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application

from sessions.api import SERVER, Server, make_app
from sessions.api_security import Guard
from sessions.daemon import serve
from sessions.discovery import Place, who_has
from sessions.lock import Holder
from sessions.studio import Studio
from tests.sessions.jamming import ROOT, SECONDS, Stage, run, stage

TOKEN = "t" * 43


class Api:
    """The API of a studio in this process; requests carry the token unless told otherwise."""

    def __init__(self, studio: Studio, client: TestClient[Any, Any], made: Stage) -> None:
        self.studio = studio
        self.client = client
        self.made = made

    async def __call__(
        self, method: str, path: str, json: Any = None, *, status: int = 200, **options: Any
    ) -> dict[str, Any]:
        """The JSON answer to a request that is answered with ``status``."""
        async with await self.raw(method, path, json=json, **options) as response:
            content = await response.json()
            assert response.status == status, content
            if status >= 400:
                assert content["error"].endswith((".", "?")), content
                assert {"error", "hint", "field"} <= content.keys()
                assert content["hint"]
            return dict(content)

    async def raw(self, method: str, path: str, *, token: str | None = TOKEN, **options: Any) -> ClientResponse:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {token}")
        return await self.client.request(method, path, headers=headers, **options)

    async def until(self, true: Callable[[], Any]) -> Any:
        return await self.made.until(true)

    async def takes(self, count: int) -> list[dict[str, Any]]:
        """Renders so many takes."""
        recipe = {"batch_size": count}
        return list((await self("POST", "/api/render", {"recipe": recipe, "wait": True}))["takes"])


class OwnPort:
    """What stands for the server of an API that has a port from the beginning."""

    def __init__(self, app: Application) -> None:
        self.client = TestClient(TestServer(app))

    async def listen(self, port: int | None = None) -> str:
        return str(self.client.make_url("/"))


@contextlib.asynccontextmanager
async def api(made: Stage) -> AsyncIterator[Api]:
    """The API of the studio of a session."""
    place = Place.of(made.folder)
    place.make()
    async with Studio.open(made.folder, place, command=made.command) as studio:
        app = make_app(studio, Guard(TOKEN, place.cookie))
        port = OwnPort(app)
        app[SERVER] = cast(Server, port)
        async with port.client as client:
            yield Api(studio, client, made)
            studio.events.close()


def on_api(tmp_path: Path, act: Any, **tables: Any) -> None:
    """Runs ``act`` with the API of a new session."""

    async def session() -> None:
        async with api(stage(tmp_path, **tables)) as asked:
            await act(asked)

    run(session())


class Running:
    """A studio in a process of its own."""

    def __init__(self, made: Stage, idle: float = 60.0) -> None:
        command = [sys.executable, "-m", "tests.sessions.studios", str(made.folder), str(made.plan_file), str(idle)]
        with open(made.folder.parent / "studio.log", "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.made = made

    @property
    def place(self) -> Place:
        return Place.of(self.made.folder)

    def wait_ready(self) -> Holder:
        """Waits until it has the session and listens."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            holder = who_has(self.made.folder)
            if holder is not None and holder.pid == self.process.pid and self.place.socket.exists():
                return holder
            assert self.process.poll() is None, (self.made.folder.parent / "studio.log").read_text()
            time.sleep(0.02)
        raise AssertionError("the studio did not start")

    def end(self, number: int) -> int:
        """Sends a signal, and returns the exit status."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def running(made: Stage, idle: float = 60.0) -> Iterator[Running]:
    """A studio process that answers; killed at the end if it still runs."""
    studio = Running(made, idle)
    try:
        studio.wait_ready()
        yield studio
    finally:
        if studio.process.poll() is None:
            studio.end(9)


def loop_file(made: Stage) -> dict[str, Any] | None:
    """What is written down of the loop."""
    try:
        found: dict[str, Any] = json.loads((Place.of(made.folder).folder / "loop.json").read_text())
    except FileNotFoundError:
        return None
    return found


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    engine = (sys.executable, "-m", "tests.sessions.double_engine", sys.argv[2])
    asyncio.run(serve(Path(sys.argv[1]), command=engine, log=sys.stderr.buffer, idle_seconds=float(sys.argv[3])))
