"""``acetui door``: where a session's studio is and what opens it, as a line of JSON for ``acetui connect``."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

from acetui.client import attach
from acetui.open_studio import FIRST, make_session
from engine import __version__
from sessions.discovery import Place
from sessions.places import last, session_path


def run(args: argparse.Namespace) -> int:
    """The verb: the studio runs, and says where it is."""
    session = session_path(args.session or FIRST) if args.session is not None else last() or session_path(FIRST)
    make_session(session)
    said = asyncio.run(_door(session, port=args.port))
    print(json.dumps(said) if args.json else f"{said['name']}: {said['socket']}", flush=True)
    return 0


async def _door(session: Path, *, port: bool) -> dict[str, str | int | None]:
    async with await attach(session) as studio:
        open_at = urlsplit(await studio.listen()).port if port else None
    place = Place.of(session)
    return {
        "event": "door",
        "version": __version__,
        "session": str(session),
        "name": session.name,
        "socket": str(place.socket),
        "token": place.token(),
        "port": open_at,
    }
