"""``acetui connect`` against a real sshd: the studio behind it, terminal and sound on this side."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acetui.app import StudioApp
from acetui.client import attach
from acetui.player.device import Device
from acetui.remote.door import NoAcetui
from acetui.remote.line import Line
from acetui.remote.ssh import NoLine
from acetui.studio_state import Connection
from benchmarks.sshd import Sshd, sshd
from engine.errors import EngineError
from sessions.discovery import who_has
from tests.acetui.player.listening import noise, written
from tests.acetui.scripted_studio import settled
from tests.e2e.tmux import Tmux
from tests.sessions.jamming import ROOT, Stage, stage, state
from tests.sessions.studios import running

__all__ = ["state"]

pytestmark = [pytest.mark.usefixtures("state"), pytest.mark.timeout(200)]

if not Sshd.there():
    pytest.skip("no OpenSSH server on this machine (Debian: apt install openssh-server)", allow_module_level=True)

SECONDS = 20.0


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """The other machine."""
    with sshd(tmp_path / "sshd") as server:
        monkeypatch.setenv("PATH", server.path)
        monkeypatch.setenv("ACETUI_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("ACETUI_CONFIG", str(tmp_path / "config"))
        yield server


def command(tmp_path: Path) -> str:
    """How acetui is called there: with the studios' folder of the test."""
    given = {"ACETUI_STATE": tmp_path / "state", "ACETUI_DATA": tmp_path / "data", "PYTHONPATH": ROOT}
    return shlex.join(["env", *(f"{name}={value}" for name, value in given.items()), sys.executable, "-m", "acetui"])


async def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.02)
    return value


async def heard_takes(made: Stage, count: int) -> None:
    """Renders takes over there, with something to hear."""
    async with await attach(made.folder, start=False) as studio:
        for take in (await studio.render({"batch_size": count}, wait=True))["takes"]:
            sound = written(made.folder, noise(SECONDS, take["number"]))
            (made.folder / take["files"]["audio"]).write_bytes(sound.path.read_bytes())


async def test_a_song_goes_on_while_the_line_is_cut_and_comes_back(tmp_path: Path, box: Sshd) -> None:
    made = stage(tmp_path, recipe={"caption": "Neon drive, slow", "duration": int(SECONDS)})
    with running(made):
        await heard_takes(made, 2)
        line = Line("box", str(made.folder), command(tmp_path))
        try:
            await asyncio.to_thread(line.open, asks=True)
            app = StudioApp(line.folder, connect=line.connect, elsewhere=line)
            app.listening.opener = lambda pull: Device("auto", pull, ("NULL",))
            async with app.run_test(size=(120, 40)) as pilot:
                await settled(app, pilot)
                assert app.state.name == made.folder.name
                assert not line.shares, "audio has a connection of its own"
                await pilot.press("space")
                player = await until(lambda: app.listening._player)
                await until(lambda: player.look().second > 0.2)
                fetcher = app.listening.sounds.fetcher
                assert fetcher is not None
                await fetcher.settle()

                box.cut()
                await until(lambda: app.state.connection is not Connection.THERE)
                at = player.look().second
                await until(lambda: player.look().second > at + 0.7)
                assert player.mixer.gaps == 0
                assert player.look().playing
                box.start()
                await until(lambda: app.state.connection is Connection.THERE)
                await settled(app, pilot)
                assert player.look().playing

                await pilot.press("l", "j", "space")
                await until(lambda: app.listening.number == 2 and player.look().second > 0.2)
                assert player.look().trouble is None
                rows = {row["number"]: row for row in await app.link.client.rows([1, 2])}
                assert rows[1]["liked"]
                assert not (tmp_path / "cache" / "listen").stat().st_mode & 0o077
        finally:
            line.close()
        assert not line._folder.exists()


async def test_a_server_that_forwards_no_sockets_has_its_port_forwarded(tmp_path: Path, box: Sshd) -> None:
    box.cut()
    box.forbid("AllowStreamLocalForwarding no")
    box.start()
    made = stage(tmp_path)
    with running(made):
        line = Line("box", str(made.folder), command(tmp_path))
        try:
            await asyncio.to_thread(line.open, asks=True)
            client = await line.connect()
            assert (await client.session())["name"] == made.folder.name
            assert line.door is not None
            assert line.door.port is not None
            await client.close()
        finally:
            line.close()


def test_the_command_opens_the_terminal_and_leaves_no_ssh_behind(tmp_path: Path, box: Sshd) -> None:
    if not Tmux.there():
        pytest.skip("tmux is not installed")
    made = stage(tmp_path)
    around = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with running(made), Tmux(tmp_path, around) as tmux:
        called = [sys.executable, "-m", "acetui", "connect", "box", str(made.folder), "--remote-command"]
        window = tmux.open("connect", *called, command(tmp_path), columns=120, rows=30)
        window.sees("No takes yet.")
        window.press("w", "s")
        window.sees("The sessions of box are not listed here.")
        window.press("q")
        window.sees(f"'acetui connect box {made.folder.name}' comes back.", "ended with 0")
        assert who_has(made.folder) is not None, "the studio goes on"
        assert not list(tmp_path.glob("acetui-*"))

        window = tmux.open("again", *called, command(tmp_path), columns=120, rows=30)
        window.sees("No takes yet.")
        window.press("Q")
        window.sees("has ended.", "ended with 0")
        assert who_has(made.folder) is None


async def test_what_is_in_the_way_is_said(tmp_path: Path, box: Sshd) -> None:
    line = Line("box", None, "false")
    try:
        with pytest.raises(NoAcetui, match="acetui on box does not start"):
            await asyncio.to_thread(line.open, asks=True)
        line._command = command(tmp_path)
        line._session = "no/such folder/at all"
        with pytest.raises(EngineError, match="box: "):
            await asyncio.to_thread(line.open, asks=True)
    finally:
        line.close()
    nobody = Line("nobody.invalid", None)
    try:
        with pytest.raises(NoLine, match=r"nobody\.invalid is not reached: "):
            await asyncio.to_thread(nobody.open, asks=True)
    finally:
        nobody.close()
    box.cut()
    away = Line("box", None)
    try:
        with pytest.raises(NoLine, match="refused"):
            await asyncio.to_thread(away.open, asks=False)
    finally:
        away.close()
