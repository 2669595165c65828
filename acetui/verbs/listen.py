"""``acetui listen``: where the listen page of a session is, and how to get it elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

from acetui.hearing.page_address import ssh_line, with_token
from acetui.verbs.attaching import attached
from engine import EngineError
from sessions.discovery import Place
from sessions.errors import MissingSession
from sessions.places import find_session, last, remember


def run(args: argparse.Namespace) -> int:
    """The verb: opens the port, and prints."""
    session = find_session(args.session) if args.session is not None else _last()
    remember(session)
    return asyncio.run(_listen(session, args.port, as_json=args.json))


async def _listen(session: Path, port: int | None, *, as_json: bool) -> int:
    async with await attached(session) as studio:
        url = await studio.listen(port)
    open_at = urlsplit(url).port
    if port is not None and open_at != port:
        raise EngineError(f"The page of {session.name} is open at port {open_at} already.", f"Leave --port out: {url}")
    token = Place.of(session).token()
    found = {"url": with_token(url, token), "token": token, "ssh": ssh_line(url)}
    if as_json:
        print(json.dumps(found), flush=True)
        return 0
    print(
        f"{found['url']}\n\nOn another machine, first run there, with the name by which you reach this one:", flush=True
    )
    print(f"  {found['ssh']}\nWhoever has the address can do with this session whatever you can.", flush=True)
    return 0


def _last() -> Path:
    session = last()
    if session is None:
        raise MissingSession("No session was opened yet.", "Name one: 'acetui listen SESSION'.")
    return session
