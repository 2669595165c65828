"""The file of an index, and what SQLite keeps beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

WAIT_SECONDS = 5.0
"""How long to wait for another process that writes to it."""

_CACHE_KB = 8_192


def discard(path: Path | None) -> None:
    """Removes an index and what SQLite keeps beside it."""
    if path is not None:
        for file in (path, log_of(path), path.with_name(f"{path.name}-shm"), path.with_name(f"{path.name}-journal")):
            file.unlink(missing_ok=True)


def log_of(path: Path) -> Path:
    """Where SQLite keeps the changes that are not folded in yet."""
    return path.with_name(f"{path.name}-wal")


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection to the index at ``path``, or to one in memory."""
    # One thread at a time (the store sees to that), but not always the same one.
    return sqlite3.connect(
        ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=WAIT_SECONDS
    )


def choose_journal(connection: sqlite3.Connection, *, wal: bool) -> None:
    """A write-ahead log if it is wanted and works, else a rollback journal, which works everywhere."""
    mode = "delete"
    if wal:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError:  # no shared memory here: some network and FUSE file systems
            mode = "delete"
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
