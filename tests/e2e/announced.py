"""``python -m tests.e2e.announced SESSION FILE``: a client that writes down every take the moment it hears of it.

It goes on where the client before it was killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from acetui.client import attach


async def follow(session: Path, file: Path) -> None:
    """Goes on until it is killed, or the studio cannot be reached any more."""
    book = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    async with await attach(session, start=False) as studio:
        async for event in studio.events(_last(file)):
            if event["event"] == "take":
                kept = {name: event["take"][name] for name in ("number", "id", "seed", "duration", "files", "hashes")}
                os.write(book, json.dumps({**kept, "event": event["id"]}).encode() + b"\n")


def _last(file: Path) -> str | None:
    """The id of the event that the client before this one has written down last: it is followed from there."""
    lines = file.read_bytes().split(b"\n")
    return json.loads(lines[-2])["event"] if len(lines) > 1 else None


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), Path(sys.argv[2])))
