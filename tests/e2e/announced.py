"""``python -m tests.e2e.announced SESSION FILE``: a client that writes down every take the moment it hears of it.

It goes on where the client before it was killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

from acetui.client import Client, attach
from engine.errors import EngineError

KEPT = ("number", "id", "seed", "duration", "files", "hashes")


async def follow(session: Path, file: Path) -> None:
    """Goes on until it is killed."""
    book = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        with contextlib.suppress(EngineError):  # a studio that does not come back at once comes back later
            async with await _attached(session) as studio:
                async for event in studio.events(_last(file)):
                    if event["event"] == "take":
                        take = {name: event["take"][name] for name in KEPT}
                        os.write(book, json.dumps({**take, "event": event["id"]}).encode() + b"\n")


async def _attached(session: Path) -> Client:
    """The studio, as soon as there is one again."""
    while True:
        try:
            return await attach(session, start=False)
        except EngineError:
            await asyncio.sleep(0.1)


def _last(file: Path) -> str | None:
    """The id of the event that the client before this one has written down last: it is followed from there."""
    lines = file.read_bytes().split(b"\n")
    return json.loads(lines[-2])["event"] if len(lines) > 1 else None


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), Path(sys.argv[2])))
