"""What is done when the process is told to end, as when a line drops: the toolkit would end without a word."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDS = (signal.SIGHUP, signal.SIGTERM)


@contextmanager
def last_words(keep: Callable[[], None]) -> Iterator[None]:
    """Meanwhile ``keep`` is called before a signal ends the process, which it then does as always."""

    def ended(number: int, frame: FrameType | None) -> None:
        for again in _ENDS:  # a line that drops is told of by the kernel and by the shell, one right after the other
            signal.signal(again, signal.SIG_IGN)
        try:
            keep()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    before = {number: signal.signal(number, ended) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
