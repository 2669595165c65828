"""``acetui verify``: takes rendered again by the session's studio, and compared by their hashes."""

from __future__ import annotations

import argparse
import asyncio
import json

from acetui.verbs.attaching import attached
from acetui.verbs.take_words import find
from sessions.places import find_session

DIFFERENT = 1


def run(args: argparse.Namespace) -> int:
    """The verb: 0 where every take is identical, 1 where one differs or cannot be compared."""
    session = find_session(args.session)

    async def verify() -> int:
        code = 0
        async with await attached(session) as studio:
            for take in await find(studio, args.takes):
                outcome = await studio.operate(take["number"], "verify")
                code = code if outcome["identical"] else DIFFERENT
                if args.json:
                    print(json.dumps({"event": "verify", **outcome}), flush=True)
                else:
                    print(f"{take['number']:>5}  {take['name']}  {outcome['reason']}", flush=True)
        return code

    return asyncio.run(verify())
