"""For how long a cover follows its source, and how much of its sound it starts from (facts: dit.md 15)."""

from __future__ import annotations

from dataclasses import replace

from engine.request import Request
from engine.sampling.solvers import Plan


def covering(plan: Plan, request: Request) -> Plan:
    """The plan of a request that follows a source or codes: begun later, and turned away from the source in time.

    ``cover_noise_strength`` leaves out the first times, down to the one that is nearest; of the steps that remain,
    ``audio_cover_strength`` is the share that follows.
    """
    times = plan.times
    if request.cover_noise_strength > 0:
        level = 1 - request.cover_noise_strength
        first = min(range(plan.steps), key=lambda step: abs(times[step] - level))
        times = times[first:]
    steps = len(times) - 1
    turn = int(steps * request.audio_cover_strength) if request.audio_cover_strength < 1 else None
    return replace(plan, times=times, turn=turn)
