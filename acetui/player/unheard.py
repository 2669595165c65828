"""An output that nobody hears: it keeps the time, while pages that follow the terminal are its loudspeakers."""

from __future__ import annotations

import logging
import threading
import time

from acetui.player.outputs import Pull
from acetui.player.sounds import RATE

_log = logging.getLogger(__name__)

PIECE = RATE // 10
"""Frames that are dropped at once."""


class Unheard:
    """Pulls as fast as time passes."""

    def __init__(self, name: str, pull: Pull) -> None:
        self.name = name
        self._pull = pull
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._drop, name=f"keeping time for the {name}", daemon=True)

    def start(self) -> None:
        """Pulls from now on."""
        self._thread.start()

    def close(self) -> None:
        """Pulls no more."""
        self._closed.set()
        self._thread.join(2.0)

    @property
    def alive(self) -> bool:
        """Whether it still pulls."""
        return self._thread.is_alive()

    def _drop(self) -> None:
        due = time.monotonic()
        try:
            while not self._closed.is_set():
                self._pull(PIECE)
                due = max(due + PIECE / RATE, time.monotonic() - 1.0)
                self._closed.wait(max(due - time.monotonic(), 0.0))
        except Exception:
            _log.exception("mixing failed")
