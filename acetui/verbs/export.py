"""``acetui export``: takes as files for other programs, with tags, and the recipe beside each."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acetui.verbs.side_program import Asking, side_program
from acetui.verbs.take_words import find, open_takes
from engine import EngineError
from sessions.exports import Planned, Wish, plan
from sessions.places import find_session


def run(args: argparse.Namespace) -> int:
    """The verb: every take is written whole, or not there; the first that cannot be ends it."""
    session = find_session(args.session)
    folder = Path(args.output).expanduser()

    async def named() -> Sequence[Mapping[str, Any]]:
        async with open_takes(session, write=False) as takes:
            return await find(takes, args.takes)

    wish = Wish(args.format, args.loudness, args.name, args.lrc, args.overwrite)
    planned = plan(session, asyncio.run(named()), folder, wish)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise EngineError(f"{folder} cannot be made ({cause.strerror}).", "Choose another folder with -o.") from None
    with side_program("engine.exporting", "Writing audio") as ask:
        for each in planned:
            _export(each, wish, args, ask)
    without = [each.take["number"] for each in planned if not each.lyrics]
    if args.lrc and without:
        which = "None of these takes has" if len(without) == len(planned) else f"Takes {without} have not"
        _say(f"{which} the times of its lyrics, so no LRC was written.", args)
    return 0


def _export(planned: Planned, wish: Wish, args: argparse.Namespace, ask: Asking) -> None:
    answer = ask(planned.question(wish))
    if "error" in answer:
        raise EngineError(answer["error"], answer["hint"])
    planned.write_beside(wish)
    number = planned.take["number"]
    if args.json:
        files = {"file": str(planned.audio), "recipe": str(planned.recipe), "lyrics": list(map(str, planned.lyrics))}
        print(json.dumps({"event": "export", "number": number, **files, **answer}), flush=True)
        return
    heard = "" if answer["loudness"] is None else f"  {answer['loudness']:.1f} LUFS"
    peak = "" if answer["peak"] is None else f"  {answer['peak']:.1f} dBTP"
    print(f"{number:>5}  {planned.audio}{heard}{peak}", flush=True)
    if wish.loudness is not None and answer["loudness"] is not None and answer["loudness"] < wish.loudness - 0.5:
        _say(f"Take {number} cannot be that loud below -1 dBTP: it has {answer['loudness']:.1f} LUFS.", args)


def _say(words: str, args: argparse.Namespace) -> None:
    print(words, file=sys.stderr if args.json else sys.stdout, flush=True)
