"""The other machine's end: an actor that has an engine run there and keeps the files that come and go. No Ray here."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import engine
from engine.afar.parcels import TAKES
from engine.protocol import MAX_LINE, ProtocolError, TakeEvent, parse

WAIT_SECONDS = 20.0
"""How long ``hear`` waits where nothing is said."""

MOST = 64
"""Messages that are heard at a time."""

COMMAND = ("-P", "-m", "engine.host")

PREFIX = "acetui-station-"
"""How the names of stations' folders begin; the number of their process follows."""


@dataclass(frozen=True)
class Heard:
    """One thing that an engine has said: a ``line`` of the protocol with the ``files`` of a take (by kind), a piece of
    its ``log``, or that it has ended, with which ``code``.
    """

    line: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    log: bytes = b""
    code: int | None = None


class Station:
    """One engine and its files. ``command`` speaks the engine protocol; empty is this version's own engine.

    Calls come from several threads: one listens while another tells.
    """

    def __init__(self, command: Sequence[str] = ()) -> None:
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        (self._folder / TAKES).mkdir()
        self._said: queue.Queue[Heard] = queue.Queue()
        self._process = subprocess.Popen(
            list(command) or [sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=_environment(),
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._commands = self._process.stdin
        self._log = threading.Thread(target=self._read_log, args=[self._process.stderr], daemon=True)
        self._log.start()
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()

    def greet(self) -> tuple[str, str]:
        """The version of acetui here, and the folder for files."""
        return engine.__version__, str(self._folder)

    def tell(self, line: bytes, files: Mapping[str, bytes]) -> None:
        """Puts ``files`` in their places in the folder, and passes the line on; an engine that is gone is told of."""
        for place, content in files.items():
            path = self._folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")
            part.write_bytes(content)
            os.replace(part, path)
        with contextlib.suppress(OSError):
            self._commands.write(line.rstrip(b"\n") + b"\n")
            self._commands.flush()

    def hear(self) -> list[Heard]:
        """What the engine has said since the last time, in its order; empty where it says nothing for a while."""
        heard: list[Heard] = []
        with contextlib.suppress(queue.Empty):
            heard.append(self._said.get(timeout=WAIT_SECONDS))
            while len(heard) < MOST:
                heard.append(self._said.get_nowait())
        return heard

    def _read(self, events: IO[bytes]) -> None:
        while line := events.readline(MAX_LINE):
            self._said.put(Heard(line, _files(line)))
        code = self._process.wait()
        self._log.join(1.0)  # a program that it started may hold its log open for ever
        shutil.rmtree(self._folder, ignore_errors=True)
        self._said.put(Heard(code=code))

    def _read_log(self, log: IO[bytes]) -> None:
        while piece := os.read(log.fileno(), 2**16):
            self._said.put(Heard(log=piece))


def _environment() -> dict[str, str]:
    """Ours. Ray gives its workers one thread each where nobody has said how many; an engine has the machine."""
    ours = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    ours.pop("OMP_NUM_THREADS", None)
    return ours


def _sweep() -> None:
    """Takes away what stations have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (OSError, ValueError, OverflowError):
            continue  # somebody else's, or a name that tells nothing


def _files(line: bytes) -> dict[str, bytes]:
    """The files of a take, by kind, read and taken away: they are on their way."""
    found = {}
    with contextlib.suppress(ProtocolError):
        message = parse(line)
        for kind, path in message.take["files"].items() if isinstance(message, TakeEvent) else ():
            found[kind] = Path(path).read_bytes()
            Path(path).unlink()
    return found
