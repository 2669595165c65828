"""A studio is started in the background: it belongs to no terminal, and its output goes to a log.

It has a process session of its own, so that neither Ctrl-C nor a closed terminal reaches it. Nothing of the studio
itself is loaded here: a terminal that opens stays light.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EngineError
from sessions.discovery import Place
from sessions.errors import MissingSession
from sessions.lock import SessionBusy

START_SECONDS = 60.0
"""How long a studio may take until it answers: a session without its index is looked through first."""

LARGEST_LOG = 4 * 2**20
"""Bytes; a longer log becomes ``log.1`` when the next studio starts."""

_started: list[subprocess.Popen[bytes]] = []
"""Studios that this process has started; they outlive it, and one that ends earlier is reaped with the next start."""


class StudioFailed(EngineError):
    """A studio that did not start."""


def spawn(session: Path, workers: str = "") -> None:
    """Starts the studio of ``session`` in the background, and returns once it answers.

    ``workers`` are the engines that it is to have (``sessions.worker_names``), before what the session says.

    Raises what kept it from starting: SessionBusy, MissingSession, or StudioFailed with the end of its log.
    """
    place = Place.of(session)
    place.make()
    hears, tells = os.pipe()
    try:
        with _open_log(place.log) as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "sessions.daemon", os.fspath(session), "--ready", str(tells)),
                    *(("--workers", workers) if workers else ()),
                ],
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


def _open_log(path: Path) -> BinaryIO:
    with contextlib.suppress(OSError):
        if path.stat().st_size > LARGEST_LOG:
            os.replace(path, path.with_name(f"{path.name}.1"))
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")
