"""How long what is under way will take, for the events of its progress."""

from __future__ import annotations

import asyncio
from typing import Any

from sessions.batch import Flight
from sessions.crew import Crew
from sessions.eta import Eta, Range
from sessions.report import Run
from sessions.settings import LoopSettings

FLIGHTS = 32
"""Batches whose estimates are remembered: as many as are ever under way."""

DURATION = 60.0
"""Seconds of a take where neither the recipe nor the model says."""


class Forecast:
    """Ranges for the batch that is being made and for the whole run, from what the machine has learnt."""

    def __init__(self, eta: Eta, crew: Crew) -> None:
        self._eta = eta
        self._crew = crew
        self._takes: dict[str, Range | None] = {}
        """Of the batches that were asked about last, how long one take takes."""

    def defaults(self) -> dict[str, float]:
        """What a request is that leaves it open."""
        loaded = self._crew.loaded
        profile = loaded.profile if loaded else {}
        duration, at_once = profile.get("duration") or DURATION, profile.get("at_once") or 1
        return {"duration": float(duration), "batch_size": float(at_once)}

    def of(self, flight: Flight, loop: LoopSettings, run: Run | None) -> dict[str, Any]:
        """``eta`` with the seconds left of the ``batch`` and of the ``run``; empty where nothing is known yet."""
        one = self._one(flight)
        if one is None:
            return {}
        now = asyncio.get_running_loop().time()
        size, made = len(flight.batch.seeds), len(flight.made)
        elapsed = max(0.0, now - (flight.busy_from or now))
        batch = one.times(size).less(elapsed)
        eta: dict[str, Any] = {"batch": batch.object(), "run": None}
        if run is not None and flight.batch.ask is None and loop.takes is not None:
            later = max(0, loop.takes - len(run.made) - (size - made))
            left = batch + one.times(later / self._crew.width)
            if loop.minutes is not None:
                rest = max(0.0, loop.minutes * 60 - (now - run.began))
                left = Range(min(left.low, rest), min(left.high, rest))
            eta["run"] = left.object()
        return {"eta": eta}

    def _one(self, flight: Flight) -> Range | None:
        if flight.job not in self._takes:
            loaded = flight.engine.loaded if flight.engine else self._crew.loaded
            duration = self.defaults()["duration"]
            one = self._eta.take(loaded.identity, flight.batch.request, duration) if loaded else None
            self._takes = {**dict([*self._takes.items()][1 - FLIGHTS :]), flight.job: one}
        return self._takes[flight.job]
