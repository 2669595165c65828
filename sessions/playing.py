"""Which takes are being listened to: clients say so, and it lapses with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LAPSE_SECONDS = 60.0
"""How long what a client said counts; whoever goes on playing says it again before that."""

MOST_PLAYERS = 1000
"""Beyond so many, the oldest gives way: a client that makes up names cannot fill the memory."""


class Playing:
    """What each player plays, by the player's name. Used from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._players: dict[str, tuple[int, float]] = {}
        """The take of each, and until when it counts."""

    def note(self, player: str, take: int | None, seconds: float = LAPSE_SECONDS) -> None:
        """``player`` plays a take, or nothing any more."""
        with self._lock:
            self._players.pop(player, None)
            if take is not None:
                self._players[player] = take, self._clock() + seconds
            while len(self._players) > MOST_PLAYERS:
                del self._players[next(iter(self._players))]

    def numbers(self) -> frozenset[int]:
        """The numbers of the takes that play right now."""
        with self._lock:
            now = self._clock()
            self._players = {name: each for name, each in self._players.items() if each[1] > now}
            return frozenset(number for number, _ in self._players.values())
