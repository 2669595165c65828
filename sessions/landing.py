"""What becomes of a batch when its flight is over: made again, given up, or counted as a failure. Pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.errors import Cancelled, EngineError, OutOfMemory
from sessions.batch import Batch, Flight
from sessions.engine_life import EngineLost
from sessions.ladder import SHORTEST, UNKNOWN, Aboard, Ladder, Less

MOST_LOSSES = 2
"""Engines that one batch may cost before it counts as a failure."""


@dataclass(frozen=True)
class Landing:
    """``again`` is what is left to make; ``failure`` is why ``lost`` takes will not be."""

    again: Batch | None = None
    failure: EngineError | None = None
    lost: int = 0
    notice: str = ""


def landing(flight: Flight, ladder: Ladder, defaults: Mapping[str, float], aboard: Aboard = UNKNOWN) -> Landing:
    """The rules. ``ladder`` goes a step down where memory ran out; ``defaults`` say what the request leaves open.

    ``aboard`` is what the engine had loaded.
    """
    left, error = flight.left(), flight.error
    if left is None or error is None:
        return Landing()
    if flight.why is not None:
        return Landing(again=left if flight.why in ("skip", "preempt") else None)
    if isinstance(error, Less):  # it was not begun: in parts it is
        return Landing(again=replace(left, room=error.room))
    losses = 0 if flight.made else left.losses
    lost = isinstance(error, EngineLost | Cancelled)  # a cancel that nobody here asked for: somebody ended the engine
    killed_again = isinstance(error, EngineLost) and error.killed and losses and flight.begun
    if isinstance(error, OutOfMemory) or killed_again:
        duration = left.request.get("duration") or defaults.get("duration", 0.0)
        asked = {"batch_size": float(len(flight.batch.seeds)), "duration": float(duration)}
        if ladder.covers(asked) or ladder.awaits(aboard):
            return Landing(again=left)
        if step := ladder.step(asked, aboard):
            return Landing(again=left, notice=f"Memory ran out. It goes on with less: {step}.")
        if isinstance(error, OutOfMemory) and duration > SHORTEST:
            others = error.error.removeprefix(OutOfMemory().error)  # who else has some of the card
            sentence = f"There is not enough memory for a take of {duration:g} s, whatever is given up for it.{others}"
            error = OutOfMemory(sentence, f"A shorter take may fit: duration {max(SHORTEST, duration / 2):g}.")
    elif lost and (not flight.begun or losses < MOST_LOSSES - 1):
        return Landing(again=replace(left, losses=losses + flight.begun))  # what only waited is not to blame
    return Landing(failure=error, lost=len(left.seeds))
