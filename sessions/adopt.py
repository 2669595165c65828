"""Audio without its JSON becomes a take again: from what the index remembers, else from the tags inside the audio."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.file_names import take_name
from engine.strict_json import Mismatch, parse_object
from engine.tags import RECIPE, TAKE, read_duration, read_tags
from sessions.take import Take


class NotATake(EngineError):
    """Audio that nothing says was rendered here; it is left where it is."""


def adopted(path: Path, number: int) -> Take:
    """The take that an audio file in ``takes/`` tells of, as number ``number``. Raises NotATake.

    What only the JSON held is gone: scores, verdicts, the hashes. What was rendered and where it came from is not.
    """
    try:
        tags = read_tags(path)
        duration = read_duration(path)
        stat = path.stat()
    except (EngineError, OSError) as cause:
        raise NotATake(f"{path.name} has no JSON, and nothing can be read from it ({cause}).") from cause
    if RECIPE not in tags:
        raise NotATake(f"{path.name} has no JSON, and no recipe is inside.", "Move it elsewhere if it is not a take.")
    try:
        request = parse_object(tags[RECIPE])
        caption = request.get("caption")
        return Take(
            id=hashlib.sha256(f"{path.name} {stat.st_size}".encode("utf-8", "replace")).hexdigest()[:16],
            number=number,
            name=tags.get("title") or take_name(caption if isinstance(caption, str) else ""),
            seed=_seed(request),
            duration=_seconds(duration, request),
            request=request,
            files={"audio": f"takes/{path.name}"},
            created=datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(timespec="seconds"),
            **_origin(tags.get(TAKE, "{}"), request),
        )
    except (Mismatch, EngineError, ValueError, OverflowError, json.JSONDecodeError) as cause:
        raise NotATake(f"{path.name} has no JSON, and the recipe inside is damaged ({cause}).") from cause


def _origin(told: str, request: dict[str, Any]) -> dict[str, Any]:
    """Revision, parent, operation and batch as the session told them to the engine, as far as they can be read."""
    task = request.get("task_type")
    origin: dict[str, Any] = {"operation": "render" if task in (None, "text2music") else str(task)}
    try:
        found = parse_object(told)
    except Mismatch:
        return origin
    kinds = {"revision": int, "parent": str, "operation": str, "batch": str}
    return origin | {name: found[name] for name, kind in kinds.items() if type(found.get(name)) is kind}


def _seed(request: dict[str, Any]) -> int:
    seeds = request.get("seeds")
    candidates = [*(seeds if isinstance(seeds, list) else ()), request.get("seed")]
    return next((seed for seed in candidates if type(seed) is int), -1)


def _seconds(stated: float | None, request: dict[str, Any]) -> float:
    """The length that the header states, else the one that was asked for, else 0."""
    if stated is not None:
        return stated
    asked = request.get("duration")
    return float(asked) if isinstance(asked, int | float) and not isinstance(asked, bool) and asked > 0 else 0.0
