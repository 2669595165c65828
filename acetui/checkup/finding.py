"""One thing that was looked at: what was found, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import BadCheckpoint, EngineError

ADVICE = 0
"""Worth knowing, and no reason to fail."""

FAILED, MISSING = EngineError.exit_code, BadCheckpoint.exit_code


@dataclass(frozen=True)
class Problem:
    """One sentence and one hint. ``code`` is what doctor exits with for it: ADVICE, FAILED or MISSING."""

    error: str
    hint: str
    code: int = ADVICE

    def to_dict(self) -> dict[str, Any]:
        """As it is printed."""
        return {"error": self.error, "hint": self.hint, "serious": self.code != ADVICE}


@dataclass(frozen=True)
class Finding:
    """``facts`` as JSON has them, and what is wrong."""

    facts: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
