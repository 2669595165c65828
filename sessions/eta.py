"""How long a render takes on this machine, learnt from the renders it has done: always a range, never one number.

What is kept is seconds per unit of work (a step and a second of music, a second of decoded music, a load), for each
model on each device, in the user's state folder.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from sessions.whole_files import write_whole

FILE = "eta.json"
KEPT = 24
"""Observations kept for each kind of work."""

STAGES = ("conditions", "planner", "sampling", "decode")
"""What a take waits for; it is written beside the next one."""

_FORMAT = 1
_ELSEWHERE = 2.0
"""How much wider a range is that was learnt from takes of another length."""


@dataclass(frozen=True)
class Range:
    """Seconds, at best and at worst as far as one knows."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def times(self, count: float) -> Range:
        """As long as ``count`` of these."""
        return Range(self.low * count, self.high * count)

    def less(self, seconds: float) -> Range:
        """What is left after some time has gone by."""
        return Range(max(0.0, self.low - seconds), max(0.0, self.high - seconds))

    def object(self) -> list[float]:
        """The range as JSON has it."""
        return [round(self.low, 1), round(self.high, 1)]


def kind_of(identity: Mapping[str, Any]) -> str:
    """What must be the same for one take to tell about another."""
    models = ",".join(sorted(identity.get("models") or ()))
    told = [str(identity.get(name)) for name in ("device", "dtype", "threads", "profile")]
    packed = [str(identity["quantization"])] if identity.get("quantization") else []
    return "|".join([*told, models, *packed])


@dataclass
class Eta:
    """Learns and estimates. ``observed`` has, by kind and then by stage and length, the latest seconds per unit."""

    path: Path | None = None
    observed: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def open(cls, state_folder: Path) -> Eta:
        """What this machine has learnt so far; nothing where that cannot be read."""
        eta = cls(state_folder / FILE)
        with contextlib.suppress(OSError, ValueError, RecursionError, TypeError, AttributeError):
            raw = json.loads((state_folder / FILE).read_bytes())
            if raw["format"] == _FORMAT:
                eta.observed = {
                    str(kind): {str(name): _rates(rates) for name, rates in stages.items()}
                    for kind, stages in raw["observed"].items()
                }
        return eta

    def learn(self, take: Mapping[str, Any]) -> None:
        """Learns from a take object."""
        request, timings = take["request"], take["timings"]
        for stage in STAGES:
            seconds, units = timings.get(stage), _units(stage, request, take["duration"])
            if isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0 and units > 0:
                self._note(kind_of(take["identity"]), _place(stage, take["duration"]), seconds / units)

    def learn_load(self, identity: Mapping[str, Any], seconds: float) -> None:
        """Learns how long a model took to load."""
        self._note(kind_of(identity), "load", seconds)

    def take(self, identity: Mapping[str, Any], request: Mapping[str, Any], default_duration: float) -> Range | None:
        """How long one take of ``request`` takes; None where nothing like it was ever made here."""
        asked = request.get("duration")
        duration = float(asked) if asked else default_duration
        known = self.observed.get(kind_of(identity), {})
        ranges = [_range(known, stage, duration, request) for stage in STAGES]
        if ranges[STAGES.index("sampling")] is None:
            return None
        total = Range(0.0, 0.0)
        for each in ranges:
            total = total + each if each is not None else total
        return total

    def save(self) -> None:
        """Writes what was learnt. A convenience: where it cannot be written, nothing happens."""
        if self.path is None or not self._changed:
            return
        content = json.dumps({"format": _FORMAT, "observed": self.observed}).encode()
        with contextlib.suppress(EngineError, OSError):
            write_whole(self.path, content, overwrite=True)
            self._changed = False

    def _note(self, kind: str, place: str, rate: float) -> None:
        rates = self.observed.setdefault(kind, {}).setdefault(place, [])
        rates.append(rate)
        del rates[:-KEPT]
        self._changed = True


def _units(stage: str, request: Mapping[str, Any], duration: float) -> float:
    """How much work a stage has with a take: steps and seconds of music."""
    if stage == "sampling":
        return float(request.get("inference_steps") or 8) * duration
    return _decoded(request, duration) if stage == "decode" else 1.0


def _decoded(request: Mapping[str, Any], duration: float) -> float:
    """Seconds of a take that are decoded: of a repaint, those of its region."""
    if request.get("task_type") != "repaint":
        return duration
    start, end = (float(request.get(name) or 0.0) for name in ("repainting_start", "repainting_end"))
    front = max(0.0, -start)
    last = end + front if end > 0 else front or duration
    return min(duration, max(1.0, last - max(0.0, start)))


def _place(stage: str, duration: float) -> str:
    """Where a rate belongs: rates differ with the length, because attention does."""
    return f"{stage} {round(math.log2(max(duration, 1.0)))}"


def _range(known: Mapping[str, list[float]], stage: str, duration: float, request: Mapping[str, Any]) -> Range | None:
    """Seconds of one stage, from takes of about this length, else from all there are."""
    units = _units(stage, request, duration)
    if rates := known.get(_place(stage, duration)):
        return _spread(rates).times(units)
    if rates := [rate for place, each in known.items() if place.split()[0] == stage for rate in each]:
        wide = _spread(rates)
        return Range(wide.low / _ELSEWHERE, wide.high * _ELSEWHERE).times(units)
    return None


def _spread(rates: list[float]) -> Range:
    """From the lower to the upper tenth, and never less than a tenth to each side of the middle."""
    ordered = sorted(rates)
    middle = ordered[len(ordered) // 2]
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    return Range(min(low, 0.9 * middle), max(high, 1.1 * middle))


def _rates(values: Any) -> list[float]:
    return [float(value) for value in values if math.isfinite(float(value)) and float(value) >= 0][-KEPT:]
