"""The audio of a take that was dropped or lost, made again from its recipe: the same samples, or none."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from engine.errors import EngineError
from engine.files import sync_folder
from sessions.store import Store
from sessions.supervisor import Supervisor
from sessions.take import Take
from sessions.verify import Verification, compared, render_again


class NotTheSame(EngineError):
    """A take that could not be made again as it was."""


async def bring_back(take: Take, engine: Supervisor, store: Store) -> list[Take]:
    """Renders ``take`` again and puts its audio, and its latents if they are gone, where they were.

    Raises NotTheSame where what comes out is not what was there, and what the render and the store raise.
    """
    with tempfile.TemporaryDirectory(prefix=".acetui-again-", dir=store.folder) as folder:
        made = await render_again(take, engine, folder, format=str(take.request.get("audio_format") or "flac"))
        outcome = compared(take, made)
        if outcome.identical is False:
            raise _not_the_same(take, outcome)
        await asyncio.to_thread(_put_back, take, store, {kind: Path(path) for kind, path in made["files"].items()})
    return [await asyncio.to_thread(store.audio_is_back, take.number)]


def _put_back(take: Take, store: Store, files: dict[str, Path]) -> None:
    for kind in sorted(files.keys() & take.files.keys(), reverse=True):  # the latents before the audio
        target = store.path(take, kind)
        try:
            if target.suffix == files[kind].suffix and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(files[kind], target)
                sync_folder(target.parent)
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            raise EngineError(f"{target} could not be written ({reason}).", "Check the session's folder.") from cause


def _not_the_same(take: Take, outcome: Verification) -> NotTheSame:
    return NotTheSame(
        f"Take {take.number} could not be made again as it was. {outcome.reason}",
        "Its latents and its recipe are kept. Ask for a sibling, or try where it was made.",
    )
