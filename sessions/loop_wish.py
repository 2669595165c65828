"""That the loop is on, written down: a studio that was killed, or ended with its machine, goes on where it was.

Turning the loop off, and a run that has reached what it was asked for, take the wish away.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from sessions.settings import LoopSettings
from sessions.store import Store
from sessions.whole_files import write_whole

FILE = "loop.json"
_FORMAT = 1


@dataclass(frozen=True)
class LoopWish:
    """A run of the loop that is under way: its own settings, and where the session stood when it began."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    after: int = 0
    """The highest number of a take then: what has a higher one belongs to the run."""

    began: float = 0.0
    """Seconds since 1970, because it has to outlive the process; only ``minutes`` are measured by it."""

    @classmethod
    def now(cls, store: Store, overrides: Mapping[str, Any]) -> LoopWish:
        """A run that begins now. Reads the store, so not for the event loop's own thread."""
        return cls(dict(overrides), _highest(store), time.time())

    @classmethod
    def read(cls, folder: Path) -> LoopWish | None:
        """The wish in a studio's folder; None where there is none that can be read."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, EngineError):
            raw = json.loads((folder / FILE).read_bytes())
            if raw["format"] == _FORMAT:
                LoopSettings.from_dict(raw["overrides"])
                return cls(raw["overrides"], int(raw["after"]), float(raw["began"]))
        return None

    def save(self, folder: Path) -> None:
        """Writes it down. A convenience: where it cannot be written, the loop runs all the same."""
        content = {"format": _FORMAT, "overrides": dict(self.overrides), "after": self.after, "began": self.began}
        with contextlib.suppress(EngineError):
            write_whole(folder / FILE, json.dumps(content).encode(), overwrite=True)

    def left(self, settings: LoopSettings, store: Store) -> dict[str, Any] | None:
        """The overrides of the rest of the run, or None where nothing is left. Reads the store, trash included."""
        rest = dict(self.overrides)
        takes, minutes = (rest.get(name) or getattr(settings, name) for name in ("takes", "minutes"))
        if takes is not None:
            filter = f"number>{self.after} and (trashed or not trashed)"
            rest["takes"] = takes - store.summaries(filter, limit=0)[1]
        if minutes is not None:
            rest["minutes"] = minutes - max(0.0, time.time() - self.began) / 60
        over = any(name in rest and rest[name] is not None and rest[name] <= 0 for name in ("takes", "minutes"))
        return None if over else rest


def forget(folder: Path) -> None:
    """The loop is off, because somebody wanted it or because it is done."""
    with contextlib.suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)


def _highest(store: Store) -> int:
    newest, _ = store.summaries("trashed or not trashed", "-number", limit=1)
    return newest[0].number if newest else 0
