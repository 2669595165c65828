"""Scorers of other packages: programs that judge a take's audio, beside what the house measures itself.

A package names a module under the entry points ``acetui.scorers``. It is run as a program of its own and never
imported here, so that its libraries, its memory and its faults are its own. It counts only where a person has given it
a weight, and its licence is told. docs/scores.md has an example.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from sessions.side_process import SideProcess, program
from sessions.take import Take

GROUP = "acetui.scorers"

ANSWER_SECONDS = 120.0
"""How long one may take over a take."""


class NoScore(EngineError):
    """A scorer that has given no score, or something that is none."""


@dataclass(frozen=True)
class Found:
    """A scorer that is installed here."""

    name: str
    module: str
    package: str
    licence: str
    """As its package says; empty where it does not."""


class Plugin:
    """One scorer: a take and its audio to a part under the scorer's own name."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._process = SideProcess(program(found.module), ANSWER_SECONDS)

    async def __call__(self, take: Take, audio: Path) -> Mapping[str, Any]:
        """The part, or nothing where the scorer leaves a take alone. Raises NoScore and NoAnswer."""
        question = {"file": str(audio), "request": dict(take.request), "measured": dict(take.measured)}
        score = (await self._process.ask(question)).get("score")
        if score is None:
            return {}
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise NoScore(f"{self.found.name} said {score!r:.40}, which is no score from 0 to 1.")
        return {"parts": {self.found.name: min(max(float(score), 0.0), 1.0)}}

    async def close(self) -> None:
        """Ends its program."""
        await self._process.close()

    def words(self) -> str:
        """What a person should know when it is used."""
        licence = self.found.licence or "which does not say its licence"
        return f"Takes are also scored by {self.found.name}, of the package {self.found.package} ({licence})."


def installed() -> Iterator[Found]:
    """Every scorer that is installed, by name; of two of one name the first."""
    seen = set()
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if entry.name not in seen:
            seen.add(entry.name)
            yield _found(entry)


def wanted(weights: Mapping[str, float]) -> tuple[list[Plugin], list[str]]:
    """The scorers that have a weight, and a sentence for each that has one and is not there."""
    here = {found.name: found for found in installed()}
    plugins = [Plugin(here[name]) for name in weights if name in here]
    return plugins, [
        f"There is no scorer {name} here: no package that is installed has one." for name in weights if name not in here
    ]


def _found(entry: EntryPoint) -> Found:
    told = entry.dist.metadata if entry.dist is not None else None
    named = {name: str(told[name]) for name in ("Name", "License-Expression", "License") if told and name in told}
    licence = (named.get("License-Expression") or named.get("License") or "").strip()
    return Found(entry.name, entry.value.partition(":")[0], named.get("Name", ""), licence.partition("\n")[0])
