"""The studio as a process of its own: ``python -m sessions.daemon SESSION`` serves one session until it has to end.

``spawn`` starts one that belongs to no terminal: it has a process session of its own, so that neither Ctrl-C nor a
closed terminal reaches it, and its output goes to a log. SIGTERM and SIGHUP end it in order: what is being committed is
finished, the engine is stopped, the socket is taken away, the exit status is 0. It also ends by itself when nobody has
been attached and nothing was to do for a while.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EngineError
from engine.process import COMMAND
from sessions.api import Server
from sessions.discovery import Place
from sessions.errors import MissingSession
from sessions.lock import SessionBusy
from sessions.studio import Studio

IDLE_SECONDS = 300.0
START_SECONDS = 60.0
"""How long a studio may take until it answers: a session without its index is looked through first."""

LARGEST_LOG = 4 * 2**20
"""Bytes; a longer log becomes ``log.1`` when the next studio starts."""

_LOOK_SECONDS = 0.5
_started: list[subprocess.Popen[bytes]] = []
"""Studios that this process has started; they outlive it, and one that ends earlier is reaped with the next start."""

_log = logging.getLogger(__name__)


Begin = Callable[[Studio, Server], Awaitable[None]]


class StudioFailed(EngineError):
    """A studio that did not start."""


async def serve(
    session: Path,
    *,
    command: Sequence[str] = COMMAND,
    log: BinaryIO | None = None,
    idle_seconds: float = IDLE_SECONDS,
    begin: Begin | None = None,
) -> None:
    """Serves ``session`` until a signal, idleness or the loss of its lock. Raises what opening it raises.

    ``log`` gets what the engine writes; ``begin`` is called once the studio answers.
    """
    end = asyncio.Event()
    here = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        here.add_signal_handler(number, end.set)
    place = Place.of(session)
    place.make()
    async with Studio.open(session, place, command=command, log=log) as studio, Server(studio) as server:
        _log.info("the studio of %s answers at %s", session, place.socket)
        if begin is not None:
            await begin(studio, server)
        studio.touched = here.time()
        while not (end.is_set() or studio.lost.is_set() or _idle_for(studio) > idle_seconds):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await end.wait()
        _log.info("the studio ends")


def spawn(session: Path) -> None:
    """Starts the studio of ``session`` in the background, and returns once it answers.

    Raises what kept it from starting: SessionBusy, MissingSession, or StudioFailed with the end of its log.
    """
    place = Place.of(session)
    place.make()
    hears, tells = os.pipe()
    try:
        with _open_log(place.log) as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "sessions.daemon", os.fspath(session), "--ready", str(tells)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                pass_fds=[tells],
                start_new_session=True,
            )
        os.close(tells)
        tells = -1
        _started[:] = [process, *(each for each in _started if each.poll() is None)]
        _await_ready(process, hears, place)
    finally:
        os.close(hears)
        if tells >= 0:
            os.close(tells)


def _await_ready(process: subprocess.Popen[bytes], hears: int, place: Place) -> None:
    heard = b""
    until = time.monotonic() + START_SECONDS
    while not heard.endswith(b"\n"):
        seen, _, _ = select.select([hears], [], [], max(0.0, until - time.monotonic()))
        if not seen:
            process.kill()
            sentence = f"The studio did not answer within {START_SECONDS:g} seconds."
            raise StudioFailed(sentence, f"Its log is {place.log}.")
        if not (piece := os.read(hears, 65536)):
            process.wait()
            raise StudioFailed("The studio ended before it answered.", f"Its log is {place.log}.")
        heard += piece
    said: dict[str, Any] = json.loads(heard)
    if "error" in said:
        process.wait()
        raise _failure(said)


def _failure(said: dict[str, Any]) -> EngineError:
    """The exception that the other process had."""
    if said["kind"] == SessionBusy.__name__:
        busy = SessionBusy(Path(), None)
        busy.error, busy.hint = said["error"], said["hint"]
        return busy
    kind = MissingSession if said["exit_code"] == MissingSession.exit_code else StudioFailed
    return kind(said["error"], said["hint"], field=said["field"])


def _tell(descriptor: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # whoever has started us may be gone; the studio stays
        os.write(descriptor, json.dumps(message).encode() + b"\n")
        os.close(descriptor)


def _idle_for(studio: Studio) -> float:
    """Seconds for which nobody has been attached and nothing was to do."""
    if not studio.idle:
        studio.touched = asyncio.get_running_loop().time()
    return asyncio.get_running_loop().time() - studio.touched


def _open_log(path: Path) -> BinaryIO:
    with contextlib.suppress(OSError):
        if path.stat().st_size > LARGEST_LOG:
            os.replace(path, path.with_name(f"{path.name}.1"))
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the session that the arguments name; the status is 0 after an orderly end."""
    parser = argparse.ArgumentParser(prog="sessions.daemon")
    parser.add_argument("session", type=Path)
    parser.add_argument("--ready", type=int)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    async def begin(studio: Studio, server: Server) -> None:
        if args.ready is not None:
            _tell(args.ready, {"ready": True})

    try:
        asyncio.run(serve(args.session, log=sys.stderr.buffer, begin=begin))
    except EngineError as error:
        _log.error("%s", error)
        if args.ready is not None:
            _tell(args.ready, {**error.to_dict(), "kind": type(error).__name__, "exit_code": error.exit_code})
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
