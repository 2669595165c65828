"""What people have heard side by side, and which they chose: one line each in ``comparisons.jsonl``, for ever.

Nothing else says as plainly how takes sound to somebody: scorers are measured by it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import EngineError
from sessions.clock import moment

FILE = "comparisons.jsonl"


@dataclass(frozen=True)
class Comparison:
    """One choice. Takes are named by their ids, which are theirs for ever."""

    chosen: str
    others: Sequence[str]
    blind: bool
    matched: bool
    """Whether they were played equally loud."""

    when: str = ""


def record(session: Path, comparison: Comparison) -> Comparison:
    """Keeps a choice, on disk when this returns. Raises EngineError where it cannot be written."""
    kept = Comparison(**{**asdict(comparison), "when": comparison.when or moment()})
    line = json.dumps(asdict(kept)).encode() + b"\n"
    try:
        descriptor = os.open(session / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, line)  # one write: what several processes append does not mix
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as cause:
        reason = cause.strerror or "the disk refuses it"
        raise EngineError(f"The choice could not be kept ({reason}).", "Look at the session's folder.") from cause
    return kept


def recorded(session: Path) -> list[Comparison]:
    """Every choice, the oldest first; a line that cannot be read is left out."""
    try:
        lines = (session / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            given = json.loads(line)
            found.append(Comparison(**{**given, "others": tuple(given["others"])}))
        except (ValueError, TypeError, KeyError):
            continue
    return found
