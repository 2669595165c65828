"""``acetui repaint`` and its like: a take made from a take, by the session's studio."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from acetui.client import Client
from acetui.verbs.attaching import attached
from acetui.verbs.flags import recipe_from_flags
from acetui.verbs.take_words import find
from acetui.verbs.takes import line
from engine import Cancelled, InvalidRequest
from engine.readers import literal
from sessions.places import find_session

ACCEPTED_SECONDS = 1.0
"""After so long without an answer a request is being worked on."""

TAKES = "with"
"""The flag whose values are takes, as people name them."""


def run(args: argparse.Namespace) -> int:
    """The verb: prints every take that was made. Raises Cancelled for Ctrl-C: what the studio began it ends."""
    session = find_session(args.session)
    body = _body(args)
    begun = False

    async def operate() -> int:
        nonlocal begun
        made = 0
        async with await attached(session) as studio:
            parents = await find(studio, [args.take])
            if TAKES in body:
                body[TAKES] = await _others(studio, body[TAKES])
            for parent in parents:
                begun = True
                asked = asyncio.create_task(studio.operate(parent["number"], args.verb, **body, wait=True))
                if not args.json:
                    await _say_that_it_goes_on(asked, f"The studio is at it: {args.verb} of take {parent['number']}.")
                answer = await asked
                for take in answer["takes"]:
                    made += 1
                    print(json.dumps({"event": "take", **take}) if args.json else line(take), flush=True)
        if args.json:
            print(json.dumps({"event": "done", "takes": made}), flush=True)
        return 0

    try:
        return asyncio.run(operate())
    except KeyboardInterrupt:
        if not begun:
            raise
        end = f"its takes come into the session. 'acetui studio {args.session} --stop' ends that."
        raise Cancelled("Nobody waits any more.", f"The studio goes on with what it was asked for, and {end}") from None


async def _say_that_it_goes_on(asked: asyncio.Task[Any], words: str) -> None:
    """Says so once it is clear that it was not refused, which is told at once."""
    await asyncio.wait({asked}, timeout=ACCEPTED_SECONDS)
    if not asked.done():
        print(words, file=sys.stderr, flush=True)


def _body(args: argparse.Namespace) -> dict[str, Any]:
    """What is sent: fields of a recipe by their names, and the operation's own."""
    body: dict[str, Any] = recipe_from_flags(args)
    if "seeds" in body and getattr(args, "takes", None) is None:
        body["takes"] = len(body["seeds"])
    if getattr(args, "takes", None) is not None:
        body["takes"] = args.takes
    for name in args.own:
        value = getattr(args, f"own:{name}")
        if value is not None:
            body[name] = value if name == TAKES or isinstance(value, list) else literal(value)
    return body


async def _others(studio: Client, named: str | list[str]) -> int | list[int]:
    """The numbers of takes as they were named: one, or a list in that order."""
    words = [named] if isinstance(named, str) else named
    numbers = [int(take["number"]) for word in words for take in await find(studio, [word])]
    if isinstance(named, list):
        return numbers
    if len(numbers) != 1:
        raise InvalidRequest(f"'{named}' names {len(numbers)} takes.", "Name one.", field=TAKES)
    return numbers[0]
