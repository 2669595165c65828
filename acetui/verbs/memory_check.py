"""Before a render: whether it fits into the memory that there is. What cannot fit is not begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acetui.verbs.report import Report
from engine.cards import GB
from engine.errors import BadCheckpoint
from engine.memory import Cards
from sessions.fitting import fit, refusal


def check_memory(model: Mapping[str, Any], requests: Sequence[Mapping[str, Any]], report: Report) -> None:
    """Raises EngineError for a batch larger than all the memory that there is; says so where others have some of it."""
    cards = Cards()
    try:
        found = [fit(model, request, cards) for request in requests]
    except BadCheckpoint:
        return  # the engine says it, with all that it knows
    finally:
        cards.close()
    for each in found:
        if (error := refusal(each)) is not None:
            raise error
    tight = next((each for each in found if not each.fits), None)
    if tight is not None:
        free = f"{max(0, tight.room.free) / GB:.1f} GB are free{f': {tight.crowd}' if tight.crowd else ''}"
        report.notice(f"This may not fit: it needs about {tight.need.gb:.1f} GB, and {free}. It is tried all the same.")
