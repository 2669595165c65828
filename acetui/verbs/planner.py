"""``acetui plan``, ``sample``, ``format`` and ``understand``: the planner's jobs, through an engine process.

What comes out for a person is a recipe: ``acetui sample "..." > song.toml`` and then ``acetui render song.toml``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acetui.verbs.flags import recipe_from_flags
from acetui.verbs.own_audio import check_files
from acetui.verbs.parsing import MODEL_FLAGS
from acetui.verbs.recipe_file import read_recipe
from acetui.verbs.render import Stop
from acetui.verbs.report import HumanReport, JsonReport, Report
from engine import Cancelled, Request
from engine.process import EngineDied, EngineProcess
from engine.protocol import ProgressEvent
from sessions.settings import Recipe
from sessions.toml_text import written

WORDS = ("caption", "lyrics", "bpm", "keyscale", "timesignature", "duration", "vocal_language", "instrumental")
"""What is printed of a plan, by the published names, in the order of a recipe."""


def run(args: argparse.Namespace) -> int:
    """The verb: 0 once the planner's words are printed; raises EngineError otherwise."""
    request = _asked(args)
    query, source = getattr(args, "query", None) or "", _source(getattr(args, "file", None))
    report: Report = JsonReport() if args.json else HumanReport()
    try:
        plan = asyncio.run(_write(args, request, query, source, report))
    finally:
        report.close()
    if args.json:
        print(json.dumps({"event": "plan", **plan}), flush=True)
    else:
        print(recipe_text(args.verb, request, plan), flush=True)
    return 0


def _asked(args: argparse.Namespace) -> Request:
    """The recipe file and the flags, which win; choices in texts are made here."""
    recipe = getattr(args, "recipe", None)
    fields = {**(read_recipe(recipe) if recipe else {}), **recipe_from_flags(args)}
    return Recipe.from_dict(fields).draw(random.Random())


def _source(file: str | None) -> str | None:
    if file is None:
        return None
    path = Path(file).expanduser()
    check_files({"src_audio": file})
    return str(path.absolute())


async def _write(
    args: argparse.Namespace, request: Request, query: str, source: str | None, report: Report
) -> dict[str, Any]:
    model = {name: getattr(args, name) for name in MODEL_FLAGS}
    stop = Stop(report)

    def show(event: ProgressEvent) -> None:
        report.progress(event.stage, event.done, event.total, event.take)

    with stop.on_signals():
        try:
            async with EngineProcess.start(log=sys.stderr.buffer if args.debug else None) as engine:
                stop.engine = engine
                await engine.load(**model, progress=show)
                stop.gently = True
                return await engine.write(args.verb, request.to_dict(), query, source, progress=show)
        except (EngineDied, asyncio.CancelledError):
            if stop.asked:
                raise Cancelled() from None
            raise


def recipe_text(job: str, request: Request, plan: Mapping[str, Any]) -> str:
    """A plan as the text of a recipe; what was asked for stands where the planner wrote nothing."""
    told = {name: plan.get(name) or getattr(request, name) for name in WORDS}
    if job == "plan" and plan.get("codes"):
        told["audio_codes"] = plan["codes"]
    return "\n".join(f"{name} = {written(value)}" for name, value in told.items() if value not in (None, "", False))
