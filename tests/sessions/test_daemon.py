"""The studio as a process: it outlives its terminal, ends in order, and comes back after every kind of end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acetui.client import Client, StudioGone, attach
from sessions import starting
from sessions.discovery import Place, who_has
from sessions.errors import MissingSession
from sessions.lock import SessionBusy, SessionLock
from sessions.starting import StudioFailed, spawn
from sessions.store import Store
from tests.sessions.jamming import SECONDS, Stage, stage, state
from tests.sessions.studios import Running, running

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def ask(made: Stage, act: Callable[[Client], Any]) -> Any:
    """What ``act`` returns with a client of the studio that runs."""

    async def asked() -> Any:
        async with asyncio.timeout(SECONDS), await attach(made.folder, start=False) as client:
            return await act(client)

    return asyncio.run(asked())


def until(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while not (value := true()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return value


def takes_of(made: Stage) -> list[Path]:
    return sorted((made.folder / "takes").glob("*.json"))


@pytest.fixture
def spawned(tmp_path: Path) -> Any:
    """Sessions whose studios are ended at the end; their engine finds no model, and loads nothing."""
    folders: list[Path] = []

    def new(name: str = "jam") -> Stage:
        made = stage(tmp_path, models={"models": "/nowhere", "device": "cpu"})
        folders.append(made.folder)
        return made

    yield new
    for folder in folders:
        holder = who_has(folder) if folder.exists() else None
        if holder is not None and holder.pid != os.getpid():
            os.kill(holder.pid, signal.SIGTERM)
            until(lambda folder=folder: who_has(folder) is None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: int) -> None:
    made = stage(tmp_path, plan={"step_seconds": 0.02})
    with running(made) as studio:
        ask(made, lambda client: client.loop("on", headless=True))
        until(lambda: takes_of(made))
        engine = ask(made, lambda client: client.session())["engine"]["pid"]
        assert studio.end(number) == 0
        assert not studio.place.socket.exists()
        assert who_has(made.folder) is None
        with pytest.raises(ProcessLookupError):
            os.kill(engine, 0)
    Store.open(made.folder).close()  # a take that was whole and not yet committed is found at the next start
    assert len(list((made.folder / "takes").glob("*.flac"))) == len(takes_of(made))


def test_kill_9_loses_nothing_and_the_next_start_goes_on(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"step_seconds": 0.02})
    with running(made) as studio:
        ask(made, lambda client: client.loop("on", headless=True))
        until(lambda: len(takes_of(made)) >= 2)
        before = [take["id"] for take in ask(made, lambda client: client.takes(limit=1000))["takes"]]
        studio.end(signal.SIGKILL)
    torn = set((made.folder / "takes").glob(".acetui-part-*"))
    assert Place.of(made.folder).socket.exists()
    with running(made):
        after = ask(made, lambda client: client.takes(limit=1000))["takes"]
        assert {take["id"] for take in after} >= set(before)
        assert ask(made, lambda client: client.session())["loop"]["on"]
        until(lambda: len(takes_of(made)) > len(after))
        numbers = [take["number"] for take in ask(made, lambda client: client.takes(limit=1000))["takes"]]
        assert len(numbers) == len(set(numbers))
        assert not torn & set((made.folder / "takes").glob(".acetui-part-*"))  # the loop writes others


def test_it_ends_when_nobody_is_there_and_nothing_is_to_do(tmp_path: Path) -> None:
    made = stage(tmp_path, loop={"takes": 2})
    with running(made, idle=1.0) as studio:
        ask(made, lambda client: client.loop("on", headless=True))
        assert studio.process.wait(SECONDS) == 0
    assert len(takes_of(made)) == 2


def test_a_socket_or_a_folder_that_is_removed_comes_back(tmp_path: Path) -> None:
    made = stage(tmp_path)
    with running(made) as studio:
        until(studio.place.known_token)  # it has the lock a moment before
        token = studio.place.known_token()
        studio.place.socket.unlink()
        until(studio.place.socket.exists)
        assert ask(made, lambda client: client.session())["name"] == "jam"
        shutil.rmtree(studio.place.folder.parents[1])
        shutil.rmtree(studio.place.socket.parent, ignore_errors=True)
        until(lambda: studio.place.socket.exists() and studio.place.known_token())
        assert studio.place.known_token() == token
        assert ask(made, lambda client: client.session())["name"] == "jam"


def test_a_second_studio_of_a_session_names_the_first(tmp_path: Path) -> None:
    made = stage(tmp_path)
    with running(made) as studio:
        second = Running(made)
        assert second.process.wait(SECONDS) != 0
        assert f"process {studio.process.pid}" in (tmp_path / "studio.log").read_text()
        assert ask(made, lambda client: client.session())["name"] == "jam"


def test_it_is_started_once_and_everybody_attaches(spawned: Callable[[], Stage]) -> None:
    made = spawned()

    async def many() -> None:
        clients = await asyncio.gather(*(attach(made.folder) for _ in range(4)))
        sessions = [await client.session() for client in clients]
        for client in clients:
            await client.close()
        assert len({session["last_event"].partition("-")[0] for session in sessions}) == 1

    asyncio.run(many())


def test_it_outlives_the_terminal_that_started_it(spawned: Callable[[], Stage], tmp_path: Path) -> None:
    made = spawned()
    script = (
        "import sys, time; from pathlib import Path; from sessions.starting import spawn\n"
        "spawn(Path(sys.argv[1])); print('ready', flush=True); time.sleep(60)"
    )
    terminal = subprocess.Popen(
        [sys.executable, "-c", script, str(made.folder)],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "runtime")},
    )
    assert terminal.stdout is not None
    assert terminal.stdout.readline() == b"ready\n"
    holder = who_has(made.folder)
    assert holder is not None
    assert os.getsid(holder.pid) == holder.pid != os.getsid(terminal.pid)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
        os.killpg(terminal.pid, number)
    terminal.wait()
    terminal.stdout.close()
    time.sleep(0.3)
    assert ask(made, lambda client: client.session())["name"] == "jam"


def test_the_process_has_neither_torch_nor_numpy(spawned: Callable[[], Stage]) -> None:
    made = spawned()
    spawn(made.folder)
    holder = who_has(made.folder)
    assert holder is not None
    until(lambda: ask(made, lambda client: client.session())["engine"]["failure"])
    maps = Path(f"/proc/{holder.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc")
    assert not {word for word in ("libtorch", "numpy", "sndfile") if word in maps.read_text()}


def test_what_keeps_it_from_starting_is_said(tmp_path: Path, spawned: Callable[[], Stage]) -> None:
    made = spawned()
    (made.folder / "session.toml").write_text("[recipe]\nbpm = ")
    with pytest.raises(StudioFailed, match="line 2"):
        spawn(made.folder)
    shutil.rmtree(made.folder)
    with pytest.raises(MissingSession):
        spawn(made.folder)


def test_something_else_that_has_the_session_is_named(spawned: Callable[[], Stage]) -> None:
    made = spawned()
    with SessionLock.acquire(made.folder):
        with pytest.raises(SessionBusy, match=str(os.getpid())):
            spawn(made.folder)
        with pytest.raises(SessionBusy, match=str(os.getpid())):
            asyncio.run(attach(made.folder))
    with pytest.raises(StudioGone, match="No studio"):
        asyncio.run(attach(made.folder, start=False))


def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "LARGEST_LOG", 10)
    log = tmp_path / "log"
    log.write_text("much that was said")
    starting._open_log(log).close()
    assert (log.read_text(), (tmp_path / "log.1").read_text()) == ("", "much that was said")
