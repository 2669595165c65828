"""The audio of a take that was dropped or lost, made again from its recipe: the same samples, or none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.errors import EngineError, InvalidRequest
from engine.files import sync_folder
from engine.protocol import Output, TakeEvent
from engine.tags import RECIPE, TAKE
from sessions.crew import Crew
from sessions.store import Store
from sessions.take import Take
from sessions.take_names import name_of
from sessions.verify import Verification, compared, render_again

_NOTHING_BUT_LATENTS: Mapping[str, Any] = MappingProxyType(
    {
        "task_type": "crop",
        "batch_size": 1,
        "src_latents": None,
        "next_audio": None,
        "reference_audio": None,
        "more_reference_audio": [],
        "adapters": [],
    }
)
"""What of a take's request is otherwise where its latents are decoded; its words stay, for the tags."""


class NotTheSame(EngineError):
    """A take that could not be made again as it was."""


async def bring_back(take: Take, engine: Crew, store: Store) -> list[Take]:
    """Makes the audio of ``take`` again, and its latents if they are gone, and puts them where they were.

    Latents are decoded, which takes seconds; where that does not give the samples that were there, or there are none,
    the take is rendered again. Raises NotTheSame where what comes out is not what was there, and what the render and
    the store raise.
    """
    format = str(take.request.get("audio_format") or "flac")
    with tempfile.TemporaryDirectory(prefix=".acetui-again-", dir=store.folder) as folder:
        files = await _decoded(take, engine, folder, format) if _can_be_decoded(take, store) else None
        if files is None:
            made = await render_again(take, engine, folder, format=format)
            outcome = compared(take, made)
            if outcome.identical is False:
                raise _not_the_same(take, outcome)
            files = made["files"]
        await asyncio.to_thread(_put_back, take, store, {kind: Path(path) for kind, path in files.items()})
    return [await asyncio.to_thread(store.audio_is_back, take.number)]


def _can_be_decoded(take: Take, store: Store) -> bool:
    """Whether the latents are there, and all of the audio came from them."""
    there = "latents" in take.files and (store.folder / take.place("latents")).exists()
    return there and bool(take.hashes) and take.request.get("task_type") not in ("repaint", "crop")


async def _decoded(take: Take, engine: Crew, folder: str, format: str) -> dict[str, str] | None:
    """The audio that the latents of ``take`` give; None where it is not what was there."""
    request = {**take.request, **_NOTHING_BUT_LATENTS, "src_audio": name_of(take), "seeds": [take.seed]}
    origin = {"revision": take.revision, "parent": take.parent, "operation": take.operation, "batch": take.batch}
    tags = {RECIPE: json.dumps(dict(take.request)), TAKE: json.dumps(origin)}
    output = Output(folder, "decoded", format, keep_latents=True, tags=tags)
    try:
        async with contextlib.aclosing(engine.render(f"decode-{take.number}", request, output)) as events:
            async for event in events:
                if isinstance(event, TakeEvent) and event.take["hashes"]["audio"] == take.hashes.get("audio"):
                    return {"audio": event.take["files"]["audio"]}
    except InvalidRequest:  # latents of another model, or damaged ones
        return None
    return None


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
