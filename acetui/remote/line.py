"""The line to a studio on another machine: ssh, the studio's socket forwarded, and all of it again when it breaks.

What is heard comes over a connection of its own where that needs no second password: on a shared one a take that is
fetched holds up everything else by most of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from acetui.client import WATCHING_SECONDS, AudioPart, Client, Refused, StudioGone
from acetui.remote.door import Door, find
from acetui.remote.ssh import NoLine, Ssh
from engine.errors import EngineError

LONGEST = 64
"""Bytes of a folder's path: a socket's name has 107 in all, and ssh gives it a suffix of its own."""


def _short_folder() -> Path:
    """A new folder of one's own for sockets: where temporary files go, unless that is too deep for them."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="acetui-", dir=usual if len(usual.encode()) < LONGEST else "/tmp"))


class Line:
    """A studio of ``host``. ``open`` may ask for a password, ``connect`` never does. ``close`` at the end."""

    def __init__(self, host: str, session: str | None, command: str | None = None) -> None:
        self.host = host
        self.door: Door | None = None
        self._session = session
        self._command = command
        self._folder = _short_folder()
        self._words = Ssh(host, self._folder / "c")
        self._sound = Ssh(host, self._folder / "a")
        self._turn = threading.Lock()

    @property
    def folder(self) -> Path:
        """What stands for the session's folder here: a path that is on no disk."""
        name = self.door.name if self.door is not None else "session"
        return Path("/") / f"ssh:{self.host}" / name

    def open(self, *, asks: bool) -> Door:
        """Opens the connection, and finds the studio. Raises NoLine, NoAcetui, and what it says there."""
        with self._turn:
            self._words.open(asks=asks)
            return self._find()

    async def connect(self) -> Client:
        """A client of the studio; what is broken is mended. Raises EngineError where that cannot be now."""
        await asyncio.to_thread(self._mend)
        try:
            return await self._answering()
        except (StudioGone, Refused):
            pass  # it has ended, or its socket cannot be forwarded
        await asyncio.to_thread(self._find_again, port=False)
        try:
            return await self._answering()
        except (StudioGone, Refused):
            await asyncio.to_thread(self._find_again, port=True)
            return await self._answering()

    @contextlib.asynccontextmanager
    async def audio(self, key: int | str, start: int = 0) -> AsyncIterator[AudioPart]:
        """The audio of a take from a byte on, over the connection that is best for it."""
        own = self._folder / "a.s"
        socket = own if self._sound.up and own.exists() else self._folder / "c.s"
        async with self._client(socket) as client, client.audio(key, start) as part:
            yield part

    @property
    def shares(self) -> bool:
        """Whether audio comes over the same connection as everything else."""
        return not self._sound.up

    def close(self) -> None:
        """Closes everything; the studio stays."""
        with self._turn:
            self._sound.close()
            self._words.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop_studio(self) -> str:
        """Ends the studio over there, and returns what it says."""
        from acetui.remote.door import script

        session = self.door.session if self.door is not None else str(self._session)
        _, printed = self._words.run(script(["studio", session, "--stop"], self._command), 90.0)
        return next((line for line in printed.splitlines() if line.strip()), "")

    # --- inside ------------------------------------------------------------------------------------------------------

    def _mend(self) -> None:
        with self._turn:
            if not self._words.up:
                try:
                    self._words.open(asks=False)
                except NoLine as error:
                    hint = "It is tried again; where ssh wants a password, leave and connect anew."
                    raise NoLine(error.error, hint) from None
                self._find()
            elif not self._sound.up:
                self._open_sound()

    def _find_again(self, *, port: bool) -> None:
        with self._turn:
            self._find(port=port)

    def _find(self, *, port: bool = False) -> Door:
        """Finds the studio, and leads our sockets to it."""
        session = self._session if self.door is None else self.door.session
        self.door = find(self._words, session, self._command, port=port)
        self._words.forward(self._folder / "c.s", self._target())
        if self._sound.up:
            self._sound.forward(self._folder / "a.s", self._target())
        else:
            self._open_sound()
        return self.door

    def _open_sound(self) -> None:
        """The second connection: where it would ask, there is none."""
        with contextlib.suppress(EngineError):
            self._sound.open(asks=False)
            self._sound.forward(self._folder / "a.s", self._target())

    def _target(self) -> str:
        assert self.door is not None
        return self.door.socket if self.door.port is None else f"127.0.0.1:{self.door.port}"

    async def _answering(self) -> Client:
        client = self._client(self._folder / "c.s")
        try:
            await client.session()
        except BaseException:
            await client.close()
            raise
        return client

    def _client(self, socket: Path) -> Client:
        assert self.door is not None
        return Client(self.door.token, door=socket, patience=WATCHING_SECONDS)
