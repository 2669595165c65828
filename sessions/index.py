"""The index: SQLite over the takes of a folder. It holds nothing that the folder does not, and can be made again.

With a write-ahead log where the file system carries one, else with a rollback journal. Losing the last changes to a
power failure is no loss, so they are not synced: the folder tells (see ``sessions.reconcile``).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sessions.index_file import WAIT_SECONDS, choose_journal, connect, discard, log_of
from sessions.index_pages import Pages
from sessions.index_rows import Entry, Known, known_of, write_entries
from sessions.index_schema import TABLES, VERSION
from sessions.packed import unpack
from sessions.query import Node, SortKey
from sessions.summary import Summary
from sessions.take import Take

__all__ = ["FAILURES", "WEIGHED", "Entry", "Index", "Known", "discard"]

FAILURES = (sqlite3.Error, zlib.error, ValueError)
"""What reading or writing an index raises when it is damaged, or when its disk is."""

WEIGHED = "weighed by"
"""A note: by which weights the scores of all takes are. Without it some may be by others (``sessions.weighing``)."""


@dataclass(frozen=True)
class Counts:
    """How many takes there are; ``unheard`` and ``faulty`` are among those that are not in the trash."""

    takes: int
    trashed: int
    unheard: int
    faulty: int
    verdicts: dict[str, int]


class Index:
    """One connection to an index. Not thread-safe by itself: the store holds a lock around every call."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self._connection = connection
        self.path = path
        """None for an index in memory."""

        self._pages = Pages(connection)

    @classmethod
    def open(cls, path: Path | None, *, wal: bool = True) -> tuple[Index, bool]:
        """The index at ``path``, or one in memory, and whether it is new: made just now, and empty.

        An index of another schema is replaced. Raises what ``FAILURES`` names for one that is damaged or cannot be
        written.
        """
        connection = connect(path)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                connection.close()
                discard(path)
                connection = connect(path)
                version = 0
            choose_journal(connection, wal=wal)
            if version == 0:
                connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
            return cls(connection, path), version == 0
        except BaseException:
            connection.close()
            raise

    @classmethod
    def copy_of(cls, path: Path) -> Index:
        """A copy in memory of an index that belongs to somebody else, or that cannot be written.

        Raises what ``FAILURES`` names, also for an index of another schema.
        """
        memory = connect(None)
        # Beside a log that nobody has folded in yet, SQLite needs to write; without one, nothing may change anyway.
        mode = "mode=ro" if log_of(path).exists() else "immutable=1"
        source = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=WAIT_SECONDS)
        try:
            source.backup(memory)
            if memory.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                raise sqlite3.DatabaseError("another schema")
        except BaseException:
            memory.close()
            raise
        finally:
            source.close()
        return cls(memory, None)

    def into_memory(self) -> Index:
        """The same index in memory, for when its own disk no longer takes it. Raises what ``FAILURES`` names."""
        memory = connect(None)
        self._connection.backup(memory)
        return Index(memory, None)

    def close(self) -> None:
        """Closes the connection; what is in the log is folded in by SQLite."""
        self._connection.close()

    @property
    def journal(self) -> str:
        """How SQLite keeps its changes: wal, delete or memory."""
        return str(self._connection.execute("PRAGMA journal_mode").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._pages.changed()
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite has already taken back what failed for want of room; then there is nothing to roll back.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._pages.forget()
            raise

    def put(self, entries: Sequence[Entry]) -> None:
        """Adds takes or replaces those of the same number; call it in a transaction."""
        write_entries(self._connection, self._pages, entries)

    def remove(self, numbers: Sequence[int]) -> None:
        """Forgets takes; call it in a transaction."""
        for table in ("takes", "texts", "objects"):
            self._connection.executemany(f"DELETE FROM {table} WHERE number = ?", [(number,) for number in numbers])

    def drop_file(self, file: str) -> None:
        """Forgets the take whose JSON is at ``file``, whatever its number; call it in a transaction."""
        self._connection.execute("DELETE FROM takes WHERE file = ?", (file,))

    def set_state(self, number: int, stored: str, audio_bytes: int, latents_bytes: int) -> None:
        """Notes what of a take is there; call it in a transaction."""
        self._connection.execute(
            "UPDATE takes SET state = ?1, c_stored = ?1, audio_bytes = ?2, latents_bytes = ?3 WHERE number = ?4",
            (stored, audio_bytes, latents_bytes, number),
        )

    def set_scores(self, takes: Sequence[Take]) -> None:
        """Notes the scores of takes that are otherwise as they are here already; call it in a transaction."""
        self._connection.executemany(
            "UPDATE takes SET c_score = ? WHERE number = ?", [(take.score, take.number) for take in takes]
        )

    def known(self) -> dict[str, Known]:
        """Every take's JSON file by where it is, with what was noted about it."""
        rows = self._connection.execute(
            "SELECT file, number, seen_id, signature, state, audio, latents, c_trashed, latents_bytes > 0 FROM takes"
        )
        return known_of(rows.fetchall())

    def signatures(self) -> dict[str, str]:
        """How every take's JSON file looked when it was read last, by where it is."""
        return dict(self._connection.execute("SELECT file, signature FROM takes").fetchall())

    def number_at(self, file: str) -> int | None:
        """The number of the take whose JSON is at ``file``."""
        row = self._connection.execute("SELECT number FROM takes WHERE file = ?", (file,)).fetchone()
        return None if row is None else int(row[0])

    def file_of(self, number: int) -> str | None:
        """Where the JSON of a take is."""
        row = self._connection.execute("SELECT file FROM takes WHERE number = ?", (number,)).fetchone()
        return None if row is None else str(row[0])

    def number_of(self, id: str) -> int | None:
        """The number of the take with an id."""
        row = self._connection.execute("SELECT number FROM takes WHERE seen_id = ?", (id,)).fetchone()
        return None if row is None else int(row[0])

    def id_of(self, number: int) -> str | None:
        """The id of the take with a number."""
        row = self._connection.execute("SELECT seen_id FROM takes WHERE number = ?", (number,)).fetchone()
        return None if row is None else str(row[0])

    def get(self, number: int) -> Take | None:
        """The take with a number."""
        found = self.takes([number])
        return found[0] if found else None

    def takes(self, numbers: Sequence[int]) -> list[Take]:
        """Whole takes in the order of ``numbers``; those that are not there are left out."""
        marks = ",".join("?" * len(numbers))
        rows = self._connection.execute(
            f"SELECT number, content, state, c_score FROM objects JOIN takes USING (number) WHERE number IN ({marks})",
            tuple(numbers),
        )
        found = {number: unpack(content, state, score) for number, content, state, score in rows}
        return [found[number] for number in numbers if number in found]

    def page(self, tree: Node | None, keys: Sequence[SortKey], limit: int, offset: int) -> tuple[list[Summary], int]:
        """A page of takes in short form, and how many there are in all; ``keys`` end with the number."""
        return self._pages.page(tree, keys, limit, offset)

    def numbers(self, tree: Node | None, keys: Sequence[SortKey], limit: int, offset: int) -> tuple[list[int], int]:
        """The same as numbers alone."""
        return self._pages.numbers(tree, keys, limit, offset)

    def order(self, tree: Node | None, keys: Sequence[SortKey]) -> list[int]:
        """The numbers of all takes that pass, in order."""
        return self._pages.order(tree, keys)

    def fingerprints(self) -> list[tuple[int, str, float, str | None, bytes | None]]:
        """Number, operation, seconds, hash of the codes and fingerprint of every take, in the trash or not."""
        return self._connection.execute(
            "SELECT number, made_by, c_duration, codes, fingerprint FROM takes ORDER BY number"
        ).fetchall()

    def revisions(self) -> list[tuple[int, int | None, str]]:
        """The number, the revision and the operation of every take, in the trash or not."""
        return self._connection.execute("SELECT number, c_revision, made_by FROM takes ORDER BY number").fetchall()

    def prepare(self) -> None:
        """Makes the usual sorts fast."""
        self._pages.prepare()

    def has_children(self, id: str) -> bool:
        """Whether a take that is not in the trash was made from the one with ``id``."""
        return (
            self._connection.execute("SELECT 1 FROM takes WHERE parent_id = ? AND c_trashed = 0", (id,)).fetchone()
            is not None
        )

    def parents(self) -> frozenset[str]:
        """The ids from which takes that are not in the trash were made."""
        rows = self._connection.execute(
            "SELECT DISTINCT parent_id FROM takes WHERE parent_id IS NOT NULL AND c_trashed = 0"
        )
        return frozenset(row[0] for row in rows)

    def counts(self) -> Counts:
        """How many there are of each kind."""
        rows = self._connection.execute(
            "SELECT c_trashed, c_verdict, count(*), sum(c_faulty) FROM takes GROUP BY c_trashed, c_verdict"
        ).fetchall()
        verdicts = {verdict: count for trashed, verdict, count, _ in rows if not trashed}
        return Counts(
            takes=sum(verdicts.values()),
            trashed=sum(count for trashed, _, count, _ in rows if trashed),
            unheard=verdicts.get("unheard", 0),
            faulty=sum(faulty for trashed, _, _, faulty in rows if not trashed),
            verdicts=verdicts,
        )

    def usage(self) -> int:
        """Bytes of all audio and latents."""
        return int(
            self._connection.execute("SELECT coalesce(sum(audio_bytes + latents_bytes), 0) FROM takes").fetchone()[0]
        )

    def highest(self) -> int:
        """The highest number that is in use; 0 if none is."""
        return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM takes").fetchone()[0])

    def note(self, name: str) -> Any:
        """Something that was remembered beside the takes, or None."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_note(self, name: str, value: Any) -> None:
        """Remembers something beside the takes, at once and safe from power failures too."""
        self._connection.execute("PRAGMA synchronous = FULL")
        try:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
        finally:
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def drop_note(self, name: str) -> None:
        """Forgets what was remembered; call it in a transaction."""
        self._connection.execute("DELETE FROM meta WHERE name = ?", (name,))
