"""What the terminal shows and plays, for pages that follow it; and how many pages are open.

The terminal says so whenever it changes. Where nothing can be heard beside the terminal, the pages are its
loudspeakers: they play the same take from the same second.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sessions.events import EventLog
from sessions.playing import LAPSE_SECONDS

EVENT = "listening"


@dataclass(frozen=True)
class Shown:
    """What one terminal shows and plays."""

    player: str = ""
    """Which terminal; empty where none has said anything."""

    selected: int | None = None
    """The take under its cursor."""

    take: int | None = None
    """The take that it plays, or has stopped."""

    second: float = 0.0
    playing: bool = False
    sounds: bool = False
    """Whether it is heard where the terminal runs."""

    region: tuple[float, float] | None = None


class Following:
    """The latest word of a terminal. It belongs to the studio's event loop."""

    def __init__(self, events: EventLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._clock = clock
        self._shown = Shown()
        self._at = clock()
        self._pages = 0

    def tell(self, shown: Shown) -> None:
        """A terminal shows or plays something else, or says again what it plays."""
        self._shown, self._at = shown, self._clock()
        self._publish()

    @contextlib.contextmanager
    def page(self) -> Iterator[None]:
        """A page is open meanwhile."""
        self._pages += 1
        self._publish()
        try:
            yield
        finally:
            self._pages -= 1
            self._publish()

    def now(self) -> dict[str, Any]:
        """What is shown and played, at the second where that is by now; ``pages`` is how many follow it.

        A terminal that has said nothing for a while is gone, and plays no more.
        """
        shown, passed = self._shown, self._clock() - self._at
        if shown.playing and passed > LAPSE_SECONDS:
            shown = replace(shown, playing=False)
        elif shown.playing:
            shown = replace(shown, second=_within(shown.second + passed, shown.region))
        return {**asdict(shown), "second": round(shown.second, 3), "pages": self._pages}

    def _publish(self) -> None:
        self._events.publish(EVENT, **self.now())


def _within(second: float, region: tuple[float, float] | None) -> float:
    """Where one is after so long, in a region that is heard again and again."""
    if region is None or second < region[1]:
        return second
    start, end = region
    return start + (second - end) % (end - start)
