"""Two variants timed fairly: in one process, both warmed up, turn by turn, so that what disturbs one disturbs both.

A ratio is taken within each pair of turns, and the median of those is reported with the smallest and the largest. How
many pairs there are follows from what the first pair took and from the time it is given.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch

Work = Callable[[], Any]


class Clock:
    """Times one call: by events between two synchronisations on CUDA, else by the wall."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def seconds(self, work: Work) -> tuple[float, Any]:
        """How long ``work()`` took, and what it returned."""
        if self.device.type != "cuda":
            began = time.perf_counter()
            out = work()
            return time.perf_counter() - began, out
        first, last = (torch.Event("cuda", enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(self.device)
        first.record()
        out = work()
        last.record()
        torch.cuda.synchronize(self.device)
        return first.elapsed_time(last) / 1000, out


@dataclass
class Budget:
    """The time of a whole run. ``scale`` stretches what each race is given, in proportion."""

    minutes: float
    scale: float = 1.0
    began: float = field(default_factory=time.perf_counter)
    end: float = field(init=False)
    """When nothing more may be started, in seconds since the run began."""

    def __post_init__(self) -> None:
        self.end = 60 * self.minutes

    def share(self, fraction: float) -> None:
        """Gives what comes next that part of the time that is left; what it does not use, later parts may."""
        self.end = self.elapsed + fraction * (60 * self.minutes - self.elapsed)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self.began

    @property
    def over(self) -> bool:
        """Whether nothing more may be started."""
        return self.elapsed > self.end

    def allowance(self, seconds: float) -> float:
        """What a race that asks for ``seconds`` gets."""
        return max(0.0, min(seconds * self.scale, self.end - self.elapsed))


@dataclass(frozen=True)
class Race:
    """Seconds of every counted turn, and what each variant returned last. Without a peer its list is empty."""

    ours: list[float]
    peer: list[float]
    our_output: Any = None
    peer_output: Any = None
    cold: bool = False
    """True where there was only time for the pair that is otherwise the warm-up."""

    @property
    def ratios(self) -> list[float]:
        """Peer over ours, pair by pair."""
        return [p / o for o, p in zip(self.ours, self.peer, strict=False)]

    @property
    def our_seconds(self) -> float:
        """The median of ours."""
        return median(self.ours)

    @property
    def peer_seconds(self) -> float | None:
        """The median of the peer's."""
        return median(self.peer) if self.peer else None


def race(
    ours: Work, peer: Work | None, clock: Clock, allowance: float, *, warmed: bool = False, at_most: int = 7
) -> Race:
    """Runs both in turns. The first pair is the warm-up and is not counted, unless both are ``warmed`` already or no
    second pair fits into ``allowance`` seconds.
    """
    gc.collect()
    runners = [ours] if peer is None else [ours, peer]
    turns: list[list[float]] = [[] for _ in runners]
    outputs: list[Any] = [None] * len(runners)

    def turn() -> float:
        for i, work in enumerate(runners):
            outputs[i] = None
            took, outputs[i] = clock.seconds(work)
            turns[i].append(took)
        return sum(each[-1] for each in turns)

    first = turn()
    further = max(0, min(at_most - warmed, int(allowance / first) - 1))
    for _ in range(further):
        turn()
    if further and not warmed:
        turns = [each[1:] for each in turns]
    return Race(
        ours=turns[0],
        peer=turns[1] if peer else [],
        our_output=outputs[0],
        peer_output=outputs[1] if peer else None,
        cold=not warmed and not further,
    )
