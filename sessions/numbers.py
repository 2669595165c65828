"""The numbers of takes: each is given once and never again, also when its take is gone.

Files and index tell the highest number of what is still there. For takes that were removed it is written down in
``numbers.json`` before anything of theirs is.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from sessions.whole_files import write_whole

FILE = "numbers.json"


class Numbers:
    """Gives numbers out. ``highest`` has been used; whatever finds a larger one in use says so with ``seen``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.highest = self._written = _read(self._path)

    def next(self) -> int:
        """A number that nothing has had."""
        self.highest += 1
        return self.highest

    def seen(self, number: int) -> None:
        """A number is in use."""
        self.highest = max(self.highest, number)

    def remember(self) -> None:
        """Writes the highest number down; raises EngineError where that is not possible."""
        if self.highest > self._written:
            content = json.dumps({"format": 1, "highest": self.highest}).encode()
            write_whole(self._path, content, overwrite=True)
            self._written = self.highest


def _read(path: Path) -> int:
    """What was written down; 0 if that cannot be read: the takes themselves then tell."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and type(highest := content.get("highest")) is int and 0 < highest < 2**53:
            return highest
    return 0
