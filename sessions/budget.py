"""When the loop ends, when it waits, and how much it may still make. Pure rules over a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

from sessions.settings import LoopSettings

GB = 10**9

SMALLEST_FLOOR = 50 * 10**6
"""Bytes that have to be free whatever the settings say: a take and its neighbours must find room."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a run is."""

    made: int = 0
    """Takes that were committed in this run."""

    planned: int = 0
    """Takes of the loop that are on their way."""

    seconds: float = 0.0
    """Since the run began."""

    best: float | None = None
    """The best score of this run."""

    unheard: int = 0
    """Takes of the session that nobody has heard."""

    free: int | None = None
    """Bytes that the disk has left; None if it does not say."""

    used: int = 0
    """Bytes that the session's takes have."""


def finished(loop: LoopSettings, now: Standing) -> str:
    """Why the run has reached what it was asked for; empty while it has not."""
    if loop.takes is not None and now.made >= loop.takes:
        return f"{loop.takes} takes are made"
    if loop.minutes is not None and now.seconds >= loop.minutes * 60:
        return f"{loop.minutes:g} minutes are over"
    if loop.until_score is not None and now.best is not None and now.best >= loop.until_score:
        return f"a take has the score {now.best:.2f}, and {loop.until_score:g} was asked for"
    return ""


def waiting(loop: LoopSettings, now: Standing) -> str:
    """Why nothing more should be made for the moment; empty if nothing speaks against it."""
    floor = max(loop.free_space_floor_gb * GB, SMALLEST_FLOOR)
    if now.free is not None and now.free < floor:
        return f"the disk has {now.free / GB:.2f} GB left, and the floor is {floor / GB:g} GB"
    if loop.quota_gb is not None and now.used >= loop.quota_gb * GB:
        return f"the quota of {loop.quota_gb:g} GB is full of takes that are unheard, marked or parents"
    if loop.ceiling is not None and now.unheard + now.planned >= loop.ceiling:
        return f"{now.unheard} takes are unheard, and {loop.ceiling} is the ceiling"
    return ""


def room(loop: LoopSettings, now: Standing) -> int:
    """How many more takes may be put on their way."""
    limits = [1_000_000]
    if loop.takes is not None:
        limits.append(loop.takes - now.made - now.planned)
    if loop.ceiling is not None:
        limits.append(loop.ceiling - now.unheard - now.planned)
    return max(0, min(limits))
