"""The life of an index: opened if it can be trusted, built anew if not, mended when it breaks while it is used.

A failing index never fails the session. Where its disk is full or read-only it goes on in memory; where it is damaged
it is built again from the folder.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.errors import EngineError
from sessions.disk import file_system, is_shared
from sessions.findings import Report
from sessions.index import FAILURES, Index, discard
from sessions.numbers import Numbers
from sessions.reconcile import Progress, reconcile
from sessions.scan import fingerprint

INDEX = "takes.db"

T = TypeVar("T")

_CLEAN, _HIGHEST = "clean", "highest"
"""Notes: how the folder looked when the session was closed (null while it is open), and the highest number then."""


class LivingIndex:
    """The index of the session in ``folder``, kept at ``path``; ``report`` says what the last look has found."""

    def __init__(
        self, folder: Path, path: Path, numbers: Numbers, *, writable: bool, progress: Progress | None = None
    ) -> None:
        self._folder = folder
        self._path = path
        self._numbers = numbers
        self._writable = writable
        self._progress = progress
        self.report = Report()
        self.trusted = False
        """Whether it was taken as it was: what hands have edited in place since then is not in it."""

        self._index, trouble = self._found()
        try:
            self._begin(trouble)
        except FAILURES as cause:
            self._rebuild(cause)
        self._remember_what_is_gone()

    @property
    def in_memory(self) -> bool:
        """Whether the index lives in memory alone, and dies with the process."""
        return self._index.path is None

    @property
    def journal(self) -> str:
        """How SQLite keeps its changes."""
        return self._index.journal

    def run(self, work: Callable[[Index], T]) -> T:
        """What ``work`` returns; an index that breaks at it is mended, and the work done again."""
        try:
            return work(self._index)
        except FAILURES as cause:
            self._mend(cause)
        try:
            return work(self._index)
        except FAILURES as cause:
            self._rebuild(cause)
        return work(self._index)

    def refresh(self) -> Report:
        """Looks through the folder as after a crash, and returns what was found."""
        self.report = self.run(self._reconciled)
        self._remember_what_is_gone()
        return self.report

    def close(self) -> None:
        """Notes that all is well, so that the next start need not look."""
        if self._writable and not self.in_memory:
            with contextlib.suppress(*FAILURES, OSError):
                self._index.set_note(_HIGHEST, self._numbers.highest)
                self._index.set_note(_CLEAN, fingerprint(self._folder))
        self._index.close()

    def _found(self) -> tuple[Index, str]:
        """The index as it is on disk, or a new one and why."""
        if not self._writable:
            try:
                return Index.copy_of(self._path), ""
            except (*FAILURES, OSError):
                return Index.open(None)[0], ""
        wal = not is_shared(file_system(self._path.parent))
        there = self._path.exists()
        try:
            index, new = Index.open(self._path, wal=wal)
        except (*FAILURES, OSError):
            try:
                discard(self._path)
                index, new = Index.open(self._path, wal=wal)
            except (*FAILURES, OSError) as cause:
                why = f"The index cannot be written to {self._path.parent} ({cause}); it is kept in memory."
                return Index.open(None)[0], why
        return index, "The index was of another version or damaged; it was built again." if new and there else ""

    def _begin(self, trouble: str) -> None:
        clean = self._index.note(_CLEAN)
        self._numbers.seen(self._index.note(_HIGHEST) or 0)
        trusted = clean is not None and clean == fingerprint(self._folder)
        if self._writable:
            self._index.set_note(_CLEAN, None)
        self.trusted = trusted
        if trusted:
            self._numbers.seen(self._index.highest())
        else:
            self.report = self._reconciled(self._index)
        self._index.prepare()
        self.report.index = self.report.index or trouble

    def _reconciled(self, index: Index) -> Report:
        return reconcile(self._folder, index, self._numbers, writable=self._writable, progress=self._progress)

    def _remember_what_is_gone(self) -> None:
        """Notes the numbers of takes that were removed by hand, as far as there is room for a note."""
        if self.report.gone and self._writable:
            with contextlib.suppress(EngineError):
                self._numbers.remember()

    def _mend(self, cause: BaseException) -> None:
        """After a first failure: into memory if its disk refuses, built again if it is damaged."""
        if isinstance(cause, sqlite3.OperationalError) and not self.in_memory:
            try:
                memory = self._index.into_memory()
            except FAILURES:
                memory = None
            if memory is not None:
                self._index.close()
                self._index = memory
                self.report.index = f"The index cannot be written ({cause}); it goes on in memory."
                return
        self._rebuild(cause)

    def _rebuild(self, cause: BaseException) -> None:
        """Throws the index away and makes it again from the folder; in memory where the disk does not take it."""
        self._index.close()
        try:
            if not self._writable:
                raise sqlite3.OperationalError("not writable")
            discard(self._path)
            self._index, _ = Index.open(self._path, wal=not is_shared(file_system(self._path.parent)))
            self._begin("")
        except (*FAILURES, OSError):
            self._index.close()
            self._index, _ = Index.open(None)
            self._begin("")
        self.report.index = f"The index could not be used ({cause}); it was built again from the takes."
