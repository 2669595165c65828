"""``acetui import``: the settings of another program's song as a recipe, printed or put into a session."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from acetui.client import attach
from sessions.imports import Imported, import_file
from sessions.new_session import check_new, create
from sessions.places import is_session, session_path
from sessions.settings import Settings


def run(args: argparse.Namespace) -> int:
    """The verb: 0 where the file could be read, whatever of it has no counterpart here; that is told."""
    found = import_file(Path(args.file))
    recipe = dict(Settings(recipe=found.recipe).to_dict().get("recipe", {}))
    answer: dict[str, Any] = {"recipe": recipe, "source": found.source, "notices": list(found.notices)}
    if args.session is not None:
        answer |= _into(session_path(args.session), found, recipe)
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
        return 0
    for notice in found.notices:
        print(f"acetui: {notice}", file=sys.stderr)
    if args.session is None:
        print(tomlkit.dumps({"recipe": recipe}), end="")
    else:
        print(f"Read as settings of {found.source}; {answer['session']} is at revision {answer['revision']}.")
    return 0


def _into(folder: Path, found: Imported, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe as that of a session, a new one or its next revision."""
    if not is_session(folder):
        check_new(folder)
        create(folder, Settings(recipe=found.recipe))
        return {"session": str(folder), "revision": 1}
    return {"session": str(folder), "revision": asyncio.run(_revised(folder, recipe))}


async def _revised(folder: Path, recipe: Mapping[str, Any]) -> int:
    async with await attach(folder) as client:
        now = (await client.session())["revision"]
        cleared = dict.fromkeys(now["settings"].get("recipe", {}))
        changed = await client.change_recipe(now["number"], recipe={**cleared, **recipe})
        return int(changed["revision"])
