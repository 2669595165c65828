"""Whether the engine process grows from batch to batch, as a leak makes it, and should be replaced by a new one."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

GB = 10**9

SETTLING = 3
"""Batches after a start, or after the first of a larger kind, in which growing is natural: caches fill up."""


def resident_bytes(pid: int) -> int | None:
    """Memory that a process has for itself (without the weights' files, where the system tells); None if unknown."""
    with contextlib.suppress(OSError, ValueError, LookupError):  # one that has just ended has no memory
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        sizes = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return int((sizes.get("RssAnon") or sizes["VmRSS"]).split()[0]) * 1024
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, timeout=5, check=True)
        return int(told.stdout) * 1024
    return None


@dataclass
class MemoryWatch:
    """Compares the memory after each batch with what it was when things had settled.

    Too much is ``factor`` times that, and at least ``slack`` bytes more.
    """

    factor: float = 1.5
    slack: int = 2 * GB
    settled: int = 0
    _batches: int = 0
    _largest: float = 0.0

    def restart(self) -> None:
        """A new process: nothing is known of it."""
        self.settled, self._batches, self._largest = 0, 0, 0.0

    def too_much(self, resident: int, size: float) -> bool:
        """Whether ``resident`` bytes after a batch of ``size`` (takes times seconds) are too many."""
        if size > self._largest:
            self._largest, self._batches = size, 0
        self._batches += 1
        if self._batches <= SETTLING:
            self.settled = max(self.settled, resident)
            return False
        return resident > max(self.settled * self.factor, self.settled + self.slack)

    async def look(self, pid: int, size: float) -> str:
        """Looks at a process after a batch of ``size``: in words, what is too much; empty where nothing is."""
        resident = await asyncio.to_thread(resident_bytes, pid)
        if resident is None or not self.too_much(resident, size):
            return ""
        return f"its memory grew from {self.settled / GB:.1f} to {resident / GB:.1f} GB"
