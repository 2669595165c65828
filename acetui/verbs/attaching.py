"""The studio of a session for a verb that wants something else of it than its loop."""

from __future__ import annotations

import sys
from pathlib import Path

from acetui.client import Client, attach


async def attached(session: Path) -> Client:
    """A client of the session's studio, as ``attach`` makes it; a loop that went on because of that is told of."""
    studio = await attach(session)
    if studio.started and (await studio.session())["loop"]["on"]:
        words = f"The loop of {session.name} was on when its studio ended, and goes on."
        print(f"{words} 'acetui studio {session.name} --stop' ends it.", file=sys.stderr, flush=True)
    return studio
