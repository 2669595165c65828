"""``acetui studio``: the studio of a session without a terminal, started, asked after and ended."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from acetui.client import Client, Refused, StudioGone, attach
from acetui.how_long import left
from acetui.progress import STAGES
from engine import EngineError
from sessions.api import Server
from sessions.daemon import serve
from sessions.discovery import Place, who_has
from sessions.lock import SessionBusy
from sessions.loop_wish import forget
from sessions.places import find_session, remember
from sessions.studio import Studio

NOT_RUNNING = 3
STOP_SECONDS = 60.0
"""How long a studio may take to end: its engine finishes a step, and what is rendered is written."""

_RESTING = {
    "ready": "nothing to do",
    "loading": "loads its models",
    "restarting": "is started again",
    "asleep": "asleep",
}
"""What an engine does that makes nothing, by its state."""

OWN_PORT = 0
"""``--listen`` without a number: the session's own port."""


def run(args: argparse.Namespace) -> int:
    """The verb: 0 once the studio runs, or is ended; with ``--status`` 3 where none runs."""
    session = find_session(args.session)
    if args.stop:
        return asyncio.run(stop(session, as_json=args.json))
    if args.status:
        return asyncio.run(_status(session, as_json=args.json))
    remember(session)
    if args.no_loop and who_has(session) is None:
        forget(Place.of(session).folder)  # a loop that was on when the last studio was killed stays off as well
    if args.foreground:
        return _serve(session, args)
    return asyncio.run(_start(session, args))


def _workers(session: Path, args: argparse.Namespace) -> str:
    """Which engines a studio is started with. Raises EngineError where one runs already: it has its own."""
    if args.workers and who_has(session) is not None:
        raise EngineError(
            f"The studio of {session.name} runs already, with the engines that it was started with.",
            f"End it with 'acetui studio {session.name} --stop', and start it again.",
        )
    return args.workers or ""


async def _start(session: Path, args: argparse.Namespace) -> int:
    async with await attach(session, workers=_workers(session, args)) as studio:
        url = None if args.listen is None else await studio.listen(args.listen or None)
        if not args.no_loop:
            await studio.loop("on", headless=True)
        await _describe(session, studio, url, as_json=args.json)
    return 0


def _serve(session: Path, args: argparse.Namespace) -> int:
    """In the foreground, as a service manager wants it; the log goes to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")

    async def begin(studio: Studio, server: Server) -> None:
        if args.listen is not None:
            logging.getLogger(__name__).info("listening at %s", await server.listen(args.listen or None))
        if not args.no_loop:
            await studio.steering.steer("on", {"headless": True})

    asyncio.run(serve(session, log=sys.stderr.buffer, begin=begin, workers=args.workers or ""))
    return 0


async def _status(session: Path, *, as_json: bool) -> int:
    try:
        studio = await attach(session, start=False)
    except StudioGone as gone:
        _say({"running": False}, gone.error, as_json=as_json)
        return NOT_RUNNING
    async with studio:
        await _describe(session, studio, None, as_json=as_json)
    return 0


async def _describe(session: Path, studio: Client, url: str | None, *, as_json: bool) -> None:
    """What runs, in words or as JSON; the token with the address, because nobody gets in without it."""
    now, place, holder = await studio.session(), Place.of(session), who_has(session)
    loop, engine, takes = now["loop"], now["engine"], now["takes"]
    said: dict[str, Any] = {
        "running": True,
        "pid": holder.pid if holder else None,
        "socket": holder.socket if holder else None,
        "log": str(place.log),
        "token_file": str(place.folder / "token"),
        "session": now,
    }
    reason = f" ({loop['reason']})" if loop["reason"] else ""
    words = [
        f"The studio of {session.name} runs (process {said['pid']}).",
        f"  loop    {loop['state']}{reason}",
        *engine_lines(engine["engines"]),
        *run_lines(loop, now["progress"]),
        f"  takes   {takes['total']}, {takes['unheard']} of them unheard",
        f"  log     {said['log']}",
    ]
    if engine["waiting_for"] or engine["failure"]:
        why = f"waits for {engine['waiting_for']}" if engine["waiting_for"] else engine["failure"]["error"]
        words.insert(2, f"  engine  {why}")
    if url is not None:
        said |= {"url": url, "token": place.known_token()}
        words += [f"  page    {url}#{said['token']}"]
    _say(said, "\n".join(words), as_json=as_json)


def engine_lines(engines: list[dict[str, Any]]) -> list[str]:
    """A line for each of several engines: what it makes, or why it makes nothing."""
    return [f"  {each['name']:<7} {_doing(each)}" for each in engines] if len(engines) > 1 else []


def run_lines(loop: dict[str, Any], progress: dict[str, Any] | None) -> list[str]:
    """How far the run is and what is made just now; nothing where nothing is, and nothing was."""
    lines = []
    if loop["on"] or loop["made"]:
        ends = (progress or {}).get("eta") or {}
        said = [
            f"{loop['made']} of this run",
            f"{loop['takes_per_hour']:.0f} an hour" if loop["takes_per_hour"] else "",
            f"{loop['takes_left']} to go" if loop["takes_left"] else "",
            left(ends["run"]) if ends.get("run") else "",
        ]
        lines.append(f"  made    {', '.join(filter(None, said))}")
    if progress is not None:
        reached = f", {progress['done']} of {progress['total']}" if progress["total"] > 1 else ""
        lines.append(f"  now     {STAGES.get(progress['stage'], progress['stage'])}{reached}")
    return lines


def _doing(engine: dict[str, Any]) -> str:
    batch = engine["batch"]
    if engine["failure"]:
        return str(engine["failure"]["error"])
    if engine["state"] == "waiting":
        return f"waits for its card: {engine['waiting_for']} has it"
    if engine["state"] != "ready" or batch is None:
        return _RESTING[engine["state"]]
    what = f"batch {batch['number']}" if batch["number"] is not None else "what was asked for"
    return f"{what}, {batch['size']} take{'s' * (batch['size'] != 1)}"


async def stop(session: Path, *, as_json: bool) -> int:
    """Ends the studio of ``session``, if one runs; its finished takes are kept. Raises SessionBusy, EngineError."""
    holder = who_has(session)
    if holder is None:
        _say({"running": False}, f"No studio of {session.name} runs.", as_json=as_json)
        return 0
    if holder.socket is None or holder.host != socket.gethostname():
        raise SessionBusy(session, holder)
    forget(Place.of(session).folder)
    try:
        async with await attach(session, start=False) as studio:
            await studio.loop("stop-now")
    except (StudioGone, Refused):
        pass  # it does not answer, and is ended all the same
    os.kill(holder.pid, signal.SIGTERM)
    for _ in range(int(STOP_SECONDS / 0.1)):
        if who_has(session) is None:
            _say({"running": False}, f"The studio of {session.name} has ended.", as_json=as_json)
            return 0
        await asyncio.sleep(0.1)
    raise EngineError(
        f"The studio of {session.name} did not end within {STOP_SECONDS:g} seconds.", f"End process {holder.pid}."
    )


def _say(content: dict[str, Any], words: str, *, as_json: bool) -> None:
    print(json.dumps({"event": "studio", **content}) if as_json else words, flush=True)
