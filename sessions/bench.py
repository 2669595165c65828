"""What a benchmark of this machine found: stage by stage, cold and warm; a table to paste, and kept for estimates."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from sessions.eta import STAGES
from sessions.whole_files import write_whole

FILE = "bench.json"
KEPT = 20
"""Runs that are kept."""

_STARTS = ("start", "load")


@dataclass(frozen=True)
class Bench:
    """One run. ``starts`` has seconds of start and load for each engine, ``takes`` the timings of each batch.

    The first of each is the cold one: nothing was in memory, and nothing compiled or remembered. Seconds are of a batch
    of ``size`` takes, each ``seconds`` long.
    """

    when: str
    machine: Mapping[str, Any]
    identity: Mapping[str, Any]
    request: Mapping[str, Any]
    size: int
    seconds: float
    starts: Sequence[Mapping[str, float]]
    batches: Sequence[Mapping[str, float]]
    peak_gb: float | None = None
    """What the engine had of memory at most, where that is told."""

    def rows(self) -> Iterator[tuple[str, float | None, float | None]]:
        """A stage, its seconds when cold, and the middle of the warm ones."""
        for name in _STARTS:
            yield name, self.starts[0].get(name), _middle([each[name] for each in self.starts[1:]])
        for name in (*STAGES, "write"):
            if any(name in batch for batch in self.batches):
                warm = [batch[name] for batch in self.batches[1:] if name in batch]
                yield name, self.batches[0].get(name), _middle(warm)
        yield "a batch", self.batches[0]["all"], _middle([batch["all"] for batch in self.batches[1:]])

    @property
    def speed(self) -> float:
        """Seconds of music made in a second, when warm."""
        warm = _middle([batch["all"] for batch in self.batches[1:]]) or self.batches[0]["all"]
        return self.size * self.seconds / max(warm, 1e-9)

    def table(self) -> str:
        """For people, and for pasting: it is Markdown."""
        models = ", ".join(sorted(self.identity.get("models") or ()))
        takes = "one take" if self.size == 1 else f"{self.size} takes"
        precision = " and ".join(
            str(self.identity[name]) for name in ("dtype", "quantization") if name in self.identity
        )
        facts = (
            f"{self._renders_on}, {precision}, {self.identity.get('threads')} threads",
            f"{models}; {takes} of {self.seconds:g} s, {self.request.get('inference_steps')} steps",
            f"acetui {self.identity.get('engine')}, torch {self.identity.get('torch')}",
        )
        lines = [*(f"{fact}  " for fact in facts), "", "| stage | cold | warm |", "|---|---:|---:|"]
        lines += [f"| {name} | {_shown(cold)} | {_shown(warm)} |" for name, cold, warm in self.rows()]
        memory = f"; {self.peak_gb:.1f} GB at most" if self.peak_gb else ""
        return "\n".join([*lines, "", f"{self.speed:.2f} seconds of music a second, warm{memory}"])

    @property
    def _renders_on(self) -> str:
        """The card by its name; a processor by its maker's, and not by its kind, which says nothing."""
        on_processor = self.identity.get("instruction_set") is not None
        return str(self.machine.get("processor") if on_processor else self.identity.get("device"))

    def object(self) -> dict[str, Any]:
        """As it is kept, and as JSON has it."""
        stages = {name: {"cold": _rounded(cold), "warm": _rounded(warm)} for name, cold, warm in self.rows()}
        return {
            "when": self.when,
            "machine": dict(self.machine),
            "identity": dict(self.identity),
            "request": dict(self.request),
            "takes": self.size,
            "seconds": self.seconds,
            "stages": stages,
            "speed": round(self.speed, 3),
            "peak_gb": self.peak_gb,
        }


def timings_of(takes: Sequence[Mapping[str, Any]], elapsed: float) -> dict[str, float]:
    """Seconds of a batch by stage, from its takes; what they share is counted once, and ``all`` is what went by."""
    shared = {name: takes[0]["timings"][name] for name in ("conditions", "planner") if name in takes[0]["timings"]}
    own = {
        name: sum(take["timings"].get(name, 0.0) for take in takes)
        for name in ("sampling", "decode", "write")
        if name in takes[0]["timings"]
    }
    return {**shared, **own, "all": elapsed}


def keep(bench: Bench, state_folder: Path) -> Path:
    """Keeps a run beside the ones before it; returns where. A convenience: what cannot be written is not kept."""
    path = state_folder / FILE
    runs = [*kept(state_folder), bench.object()][-KEPT:]
    with contextlib.suppress(EngineError, OSError):
        state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, json.dumps({"runs": runs}, indent=1).encode(), overwrite=True)
    return path


def kept(state_folder: Path) -> list[dict[str, Any]]:
    """The runs that were kept, the oldest first; none where that cannot be read."""
    try:
        runs = json.loads((state_folder / FILE).read_bytes())["runs"]
        return [run for run in runs if isinstance(run, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _middle(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
