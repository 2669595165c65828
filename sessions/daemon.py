"""The studio as a process of its own: ``python -m sessions.daemon SESSION`` serves one session until it has to end.

``sessions.starting`` starts it, belonging to no terminal. SIGTERM and SIGHUP end it in order: what is being committed
is finished, the engine is stopped, the socket is taken away, the exit status is 0. It also ends by itself when nobody
has been attached and nothing was to do for a while.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EngineError
from engine.process import COMMAND
from sessions.api import Server
from sessions.discovery import Place
from sessions.studio import Studio

IDLE_SECONDS = 300.0

_LOOK_SECONDS = 0.5

_log = logging.getLogger(__name__)


Begin = Callable[[Studio, Server], Awaitable[None]]


async def serve(
    session: Path,
    *,
    command: Sequence[str] = COMMAND,
    log: BinaryIO | None = None,
    idle_seconds: float = IDLE_SECONDS,
    begin: Begin | None = None,
    workers: str = "",
) -> None:
    """Serves ``session`` until a signal, idleness or the loss of its lock. Raises what opening it raises.

    ``log`` gets what the engines write; ``begin`` is called once the studio answers; ``workers`` are its engines.
    """
    end = asyncio.Event()
    here = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        here.add_signal_handler(number, end.set)
    place = Place.of(session)
    place.make()
    async with (
        Studio.open(session, place, command=command, log=log, workers=workers) as studio,
        Server(studio) as server,
    ):
        _log.info("the studio of %s answers at %s", session, place.socket)
        if begin is not None:
            await begin(studio, server)
        studio.touched = here.time()
        while not (end.is_set() or studio.lost.is_set() or _idle_for(studio) > idle_seconds):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await end.wait()
        _log.info("the studio ends")


def _tell(descriptor: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # whoever has started us may be gone; the studio stays
        os.write(descriptor, json.dumps(message).encode() + b"\n")
        os.close(descriptor)


def _idle_for(studio: Studio) -> float:
    """Seconds for which nobody has been attached and nothing was to do."""
    if not studio.idle:
        studio.touched = asyncio.get_running_loop().time()
    return asyncio.get_running_loop().time() - studio.touched


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the session that the arguments name; the status is 0 after an orderly end."""
    parser = argparse.ArgumentParser(prog="sessions.daemon")
    parser.add_argument("session", type=Path)
    parser.add_argument("--ready", type=int)
    parser.add_argument("--workers", default="")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    async def begin(studio: Studio, server: Server) -> None:
        if args.ready is not None:
            _tell(args.ready, {"ready": True})

    try:
        asyncio.run(serve(args.session, log=sys.stderr.buffer, begin=begin, workers=args.workers))
    except EngineError as error:
        _log.error("%s", error)
        if args.ready is not None:
            _tell(args.ready, {**error.to_dict(), "kind": type(error).__name__, "exit_code": error.exit_code})
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
