"""How fast takes are made: of the latest batches of one revision, and only of the time in which the engine worked."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

BATCHES = 8
HOUR = 3600.0


@dataclass
class Pace:
    """What was made in how long, a batch at a time."""

    _seen: deque[tuple[int, int, float]] = field(default_factory=lambda: deque(maxlen=BATCHES))

    def note(self, revision: int, takes: int, seconds: float) -> None:
        """A batch is over; one that came to nothing has cost its time too."""
        if self._seen and self._seen[-1][0] != revision:
            self._seen.clear()  # another recipe takes another time
        self._seen.append((revision, takes, seconds))

    @property
    def per_hour(self) -> float | None:
        """Takes in an hour; None before there is anything to tell it from."""
        takes, seconds = sum(each[1] for each in self._seen), sum(each[2] for each in self._seen)
        return round(takes / seconds * HOUR, 1) if takes and seconds > 0 else None
