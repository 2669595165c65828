"""A file that is still coming: read from its beginning while the rest arrives, and gone on with another day."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import threading
from pathlib import Path
from weakref import WeakKeyDictionary

from engine.errors import EngineError

Spans = list[tuple[int, int]]
"""Stretches of bytes, in order and apart from each other."""

PATIENCE_SECONDS = 30.0
"""How long a reader waits for bytes before it takes the line for dead."""


def joined(spans: Spans, start: int, end: int) -> Spans:
    """``spans`` with the bytes from ``start`` up to ``end`` as well."""
    found: Spans = []
    for first, last in sorted([*spans, (start, end)]):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


class Growing:
    """A file of ``size`` bytes, of which some are there. One writes, several read, from any thread."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.wanted = 0
        """Where the newest reader is of those that wait, or that had to: what is there comes first."""

        self._born: WeakKeyDictionary[threading.Event, int] = WeakKeyDictionary()
        """Readers in the order of their first words, by what says that they are gone."""

        self._births = itertools.count()
        self._waiting: dict[threading.Event, int] = {}
        self._news = threading.Condition()
        self._trouble: EngineError | None = None
        self._spans: Spans = self._remembered()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    @property
    def whole(self) -> bool:
        """Whether every byte is there."""
        return self._spans == [(0, self.size)]

    def there(self, offset: int) -> int:
        """How many bytes are there from ``offset`` on without a gap."""
        with self._news:
            return next((last - offset for first, last in self._spans if first <= offset < last), 0)

    def gap(self) -> tuple[int, int] | None:
        """The first bytes that are missing from where they are wanted, or else anywhere; None where nothing is."""
        with self._news:
            edges = [0, *(edge for span in self._spans for edge in span), self.size]
            gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
            behind = [(max(a, self.wanted), b) for a, b in gaps if b > self.wanted]
            return next(iter(behind or gaps), None)

    def write(self, offset: int, data: bytes) -> None:
        """Bytes that have come."""
        os.pwrite(self._file, data, offset)
        with self._news:
            self._spans = joined(self._spans, offset, offset + len(data))
            self._trouble = None
            self._news.notify_all()

    def fail(self, trouble: EngineError) -> None:
        """No more bytes come: whoever waits is told why."""
        with self._news:
            self._trouble = trouble
            self._news.notify_all()

    def read(self, offset: int, count: int, gone: threading.Event) -> bytes:
        """Up to ``count`` bytes, once there are some; none at the end, or when the reader is ``gone``.

        Raises EngineError where they do not come.
        """
        if offset >= self.size:
            return b""
        with self._news:
            if gone not in self._born:
                self._born[gone] = next(self._births)
            ready = self._ready(offset)
            if not ready and not gone.is_set():
                self._waiting[gone] = offset
                self._want()
            try:
                waited = 0.0
                while not ready and not gone.is_set():
                    if self._trouble is not None or waited > PATIENCE_SECONDS:
                        hint = "The line may be down; try again."
                        raise self._trouble or EngineError("The audio does not come.", hint)
                    self._news.wait(0.1)
                    waited += 0.1
                    ready = self._ready(offset)
            finally:
                self._waiting.pop(gone, None)
                self._want()
        return os.pread(self._file, min(count, ready), offset) if ready else b""

    def _want(self) -> None:
        """After a jump the reader from before sounds on until the new one has something: it must not hold that up."""
        if self._waiting:
            self.wanted = self._waiting[max(self._waiting, key=self._born.__getitem__)]

    def close(self) -> None:
        """Nobody reads or writes any more; what is there is remembered."""
        self.fail(EngineError("The audio is not read any more.", "Play it again."))
        notes = self._notes()
        with contextlib.suppress(OSError):
            if self.whole:
                notes.unlink(missing_ok=True)
            else:
                notes.write_text(json.dumps({"size": self.size, "spans": self._spans}), encoding="utf-8")
            os.close(self._file)

    def _ready(self, offset: int) -> int:
        return next((last - offset for first, last in self._spans if first <= offset < last), 0)

    def _notes(self) -> Path:
        return self.path.with_name(self.path.name + ".parts")

    def _remembered(self) -> Spans:
        """What an earlier day has fetched; a file without notes is whole, or nothing."""
        try:
            notes = json.loads(self._notes().read_text(encoding="utf-8"))
            if notes["size"] == self.size and self.path.exists():
                return [(int(first), int(last)) for first, last in notes["spans"] if 0 <= first < last <= self.size]
        except (OSError, ValueError, KeyError, TypeError):
            with contextlib.suppress(OSError):
                if self.path.stat().st_size == self.size and not self._notes().exists():
                    return [(0, self.size)]
        return []
