"""How a store writes: a take's JSON first, then the index, then the word to whoever listens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from sessions.entries import entry_of, set_aside
from sessions.index import Entry, Index
from sessions.index_life import LivingIndex
from sessions.lists import Lists
from sessions.take import BrokenTake, Take
from sessions.whole_files import write_whole

_log = logging.getLogger(__name__)


class Taken(EngineError):
    """A number or an id that a take of the session has already."""


class ReadOnly(EngineError):
    """The session is open for reading alone."""


class Protected(EngineError):
    """A take that may not be removed so: only what lies in the trash, or what nobody has marked."""


@dataclass(frozen=True)
class Change:
    """What listeners are told, once it is safe: ``kind`` is committed, changed, trashed, restored or deleted."""

    kind: str
    take: Take


Listener = Callable[[Change], None]


class Writing(Lists):
    """What the verbs of a store are made of; whoever calls holds the lock."""

    def __init__(self, folder: Path, index: LivingIndex, *, writable: bool) -> None:
        super().__init__(index, threading.RLock())
        self.folder = folder
        self.writable = writable
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` with every Change from now on, in their order; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _current(self, key: int | str) -> Take:
        """The take as its JSON says right now: a person may have edited it."""
        self._check_writable()
        known = self.get(key)
        path = self.folder / known.place("json")
        try:
            take = Take.from_json(path.read_bytes())
        except FileNotFoundError:
            return known
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            raise EngineError(f"{path} cannot be read ({reason}).", "Check your rights.") from cause
        except BrokenTake:
            _log.warning("%s is no take; it is kept as %s", path, set_aside(path))
            return known
        # What decides where things are is not for an editor to change, nor is what follows from the parts.
        score = known.score if take.parts and take.parts == known.parts else take.score
        kept = {name: getattr(known, name) for name in ("number", "id", "files", "trashed", "stored")}
        return take.replace(score=score, **kept)

    def _write(self, take: Take, *, at: str | None = None, overwrite: bool = True) -> None:
        write_whole(self.folder / (at or take.place("json")), take.to_json(), overwrite=overwrite)

    def _indexed(self, kind: str, take: Take) -> Take:
        entry = entry_of(self.folder, take, take.place("json"))
        self._living.run(lambda index: _put(index, entry))
        self._tell(kind, entry.take)
        return entry.take

    def _forgotten(self, take: Take) -> Take:
        self._living.run(lambda index: _remove(index, take.number))
        self._tell("deleted", take)
        return take

    def _tell(self, kind: str, take: Take) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(Change(kind, take))
            except Exception:
                _log.exception("a listener failed at take %d", take.number)

    def _check_writable(self) -> None:
        if not self.writable:
            raise ReadOnly(
                f"The session {self.folder.name} is open for reading only.",
                "Check that its folder is yours and its disk is not read-only, or end whoever else has it open.",
            )

    def _check_free(self, take: Take) -> None:
        number = self._living.run(lambda index: index.number_of(take.id))
        if number is not None or self._living.run(lambda index: index.file_of(take.number)) is not None:
            raise Taken(f"Take {number or take.number} is there already.", "Give the new one a number of its own.")


def _put(index: Index, entry: Entry) -> None:
    with index.transaction():
        index.put([entry])


def _remove(index: Index, number: int) -> None:
    with index.transaction():
        index.remove([number])
