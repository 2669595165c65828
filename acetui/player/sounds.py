"""What can be heard: a file that is there, or one that is still coming."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acetui.player.growing import Growing

RATE = 48_000
CHANNELS = 2


@dataclass(frozen=True)
class Sound:
    """The audio of a take. ``key`` is the take's id."""

    key: str
    path: Path
    seconds: float
    loudness: float | None = None
    """LUFS."""

    coming: Growing | None = None
    """Where it is still being fetched."""

    @property
    def frames(self) -> int:
        """How many samples a channel it has."""
        return round(self.seconds * RATE)
