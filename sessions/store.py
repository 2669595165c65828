"""The takes of a session: on disk, whole, before anybody is told of them.

A take is committed in this order: audio and latents are in place and synced (the engine writes them so), then its JSON
is written under a temporary name, synced and renamed, the folder is synced, the index follows, and only then are
listeners called. A verdict, the trash and everything else that changes a take go the same way, JSON first.

One process writes to a session at a time (``sessions.lock``); within it a store may be used from several threads.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.errors import EngineError
from engine.files import sync_folder
from sessions.disk import may_drop
from sessions.errors import MissingSession
from sessions.findings import Report
from sessions.home import bring_home
from sessions.index import Index
from sessions.index_life import INDEX, LivingIndex
from sessions.lists import NoTake, Page
from sessions.marks import changed
from sessions.numbers import Numbers
from sessions.reconcile import Progress
from sessions.scan import scan, signature
from sessions.take import LATENTS_ONLY, WHOLE, Take, stem
from sessions.trash import settle
from sessions.writing import Change, Protected, ReadOnly, Taken, Writing

__all__ = ["Change", "NoTake", "Page", "Protected", "ReadOnly", "Store", "Taken"]


class Store(Writing):
    """The takes of one session, made by ``Store.open``. ``report`` says what opening it has found and put right."""

    def __init__(self, folder: Path, index: LivingIndex, numbers: Numbers, *, writable: bool) -> None:
        super().__init__(folder, index, writable=writable)
        self._numbers = numbers

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        index: Path | None = None,
        read_only: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Opens the session in ``folder``; ``index`` is another place for its index, on a faster disk for example.

        A folder that cannot be written is opened for reading; so it is with ``read_only``, which is what to ask for
        without the session's lock. ``progress(done, total)`` is called while an index is built anew. Raises
        MissingSession, and EngineError for a folder that cannot be read.
        """
        root = Path(folder).absolute()
        if not root.is_dir():
            raise MissingSession(f"There is no session in {root}.", "Make one with 'acetui', or check the name.")
        writable = not read_only and _make_rooms(root)
        numbers = Numbers(root)
        try:
            living = LivingIndex(root, index or root / INDEX, numbers, writable=writable, progress=progress)
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            raise EngineError(f"The session in {root} cannot be read ({reason}).", "Check your rights.") from cause
        return cls(root, living, numbers, writable=writable)

    @property
    def report(self) -> Report:
        """What the last look through the folder has found."""
        return self._living.report

    def next_number(self) -> int:
        """A number for a take that is to come; it is given once, whatever becomes of it."""
        with self._lock:
            return self._numbers.next()

    def stem(self, number: int, name: str, seed: int) -> str:
        """What the files of a take are called: "0047-neon-drive-8123"."""
        return stem(number, name, seed)

    def path(self, take: Take, kind: str = "audio") -> Path:
        """Where a file of ``take`` is, or would be."""
        return self.folder / take.place(kind)

    def commit(self, take: Take) -> Take:
        """Makes ``take`` a take of this session and returns it as it is stored.

        Its audio, and its latents if it has any, are in the session's folder under any name; they get the names that
        belong to its number. Raises Taken, NoAudio, ReadOnly, and RenderFailed for a full disk: then nothing was
        committed, the audio is still there, and committing the same take again is fine.
        """
        with self._lock:
            self._check_writable()
            self._check_free(take)
            take = bring_home(self.folder, take)
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            take = take.replace(stored=WHOLE, trashed=False, created=take.created or now)
            self._write(take, overwrite=False)
            self._numbers.seen(take.number)
            return self._indexed("committed", take)

    def change(self, key: int | str, **changes: Any) -> Take:
        """Changes what is thought of a take: ``verdict``, ``rating``, ``note``, ``tags``, ``score``... (``marks``).

        Raises NoTake, ReadOnly, InvalidRequest for what cannot be, and RenderFailed for a full disk; the take is then
        as it was.
        """
        with self._lock:
            take = self._current(key)
            new = changed(take, changes)
            if new == take:
                return take
            self._write(new)
            return self._indexed("changed", new)

    def weigh(self, numbers: Sequence[int], score_of: Callable[[Take], float | None]) -> list[Take]:
        """Gives takes the score that their parts come to, and returns those that have another one now, as they are.

        It is noted in the index alone: it can be worked out again, and is where the index is lost or a file was read
        anew. The JSON of a take has it when the take is written next. ``score_of`` is called with the store held.
        Listeners are not called. Raises ReadOnly.
        """
        with self._lock:
            self._check_writable()
            found = [(take, score_of(take)) for take in self.several(numbers) if take.parts]
            moved = [take.replace(score=score) for take, score in found if score != take.score]
            if moved:
                self._living.run(lambda index: _score(index, moved))
            return moved

    def note(self, name: str, value: Any) -> None:
        """Notes something in the index, which may be lost with it: what can be worked out again. Raises ReadOnly."""
        with self._lock:
            self._check_writable()
            self._living.run(lambda index: index.set_note(name, value))

    def trash(self, key: int | str) -> Take:
        """Moves a take to the trash, from where it can come back. Raises as ``change`` does, and NotMoved."""
        return self._move(key, trashed=True)

    def restore(self, key: int | str) -> Take:
        """Brings a take back from the trash. Raises as ``trash`` does."""
        return self._move(key, trashed=False)

    def delete(self, key: int | str) -> Take:
        """Removes the files of a take in the trash for good, because a person asked. Its number is not used again.

        Raises Protected for a take that is not in the trash, and otherwise as ``change`` does.
        """
        with self._lock:
            take = self._current(key)
            if not take.trashed:
                raise Protected(f"Take {take.number} is not in the trash.", "Move it there first.")
            self._numbers.remember()
            # The JSON last: if this is interrupted, the take is still in the trash and can be deleted again.
            for name in (*(take.place(kind) for kind in take.files), take.place("json")):
                _unlink(self.folder / name)
            return self._forgotten(take)

    def empty_trash(self) -> list[int]:
        """Removes all takes in the trash for good, because a person asked; the numbers of those that are gone.

        Between two takes others have their turn. Raises as ``delete`` does, and then the rest is still there.
        """
        return [self.delete(take.number).number for take in self.summaries("trashed", "number")[0]]

    def drop_audio(self, key: int | str, *, playing: Collection[int] = ()) -> Take:
        """Removes the audio of a take whose latents are kept. Raises Protected where a rule forbids it."""
        with self._lock:
            take = self._current(key)
            allowed = may_drop(self.summary(take.number), parents=self.parents(), playing=playing)
            if take.marked or not allowed:
                raise Protected(
                    f"The audio of take {take.number} is not dropped: it is marked, unheard, playing or a parent, or "
                    "could not be made again.",
                    "Take the marks away first.",
                )
            new = take.replace(stored=LATENTS_ONLY)
            self._write(new)
            _unlink(self.path(new))
            return self._indexed("changed", new)

    def audio_is_back(self, key: int | str, **hashes: str) -> Take:
        """Notes that the audio of a take was made again and lies at ``path(take)``; ``hashes`` are those of it."""
        with self._lock:
            take = self._current(key)
            new = take.replace(stored=WHOLE, hashes={**take.hashes, **hashes})
            self._write(new)
            return self._indexed("changed", new)

    def refresh(self) -> Report:
        """Looks whether somebody has changed the folder by hand, JSON edited in place included.

        A glance at every file: about a second for 50,000 takes, for which the store is busy.
        """
        with self._lock:
            return self._living.refresh()

    def look_again(self) -> list[int]:
        """The takes whose JSON was edited in place while the session was closed; they are read again.

        Meant for the background, after a start that trusted the index: others wait only where something was edited.
        """
        if not (self.writable and self._living.trusted):
            return []
        seen = scan(self.folder).json
        with self._lock:
            known = self._living.run(lambda index: index.signatures())
            suspects = [file for file, looks in known.items() if seen.get(file, looks) != looks]
            edited = [file for file in suspects if self._differs(file, known[file])]  # not those of this very moment
            if not edited:
                return []
            numbers = self._living.run(lambda index: [index.number_at(file) for file in edited])
            self.refresh()
            found = [number for number in numbers if number is not None and self._tell_edited(number)]
        return sorted(found)

    def _differs(self, file: str, looks: str) -> bool:
        try:
            return signature(f"{self.folder}/{file}") != looks
        except OSError:
            return True

    def _tell_edited(self, number: int) -> bool:
        try:
            self._tell("changed", self.get(number))
        except NoTake:  # what it is now is no take
            return False
        return True

    def close(self) -> None:
        """Closes the index. A store that is not closed loses nothing; its next start looks through the folder."""
        with self._lock:
            if self.writable:
                with contextlib.suppress(EngineError):  # for want of room; the takes tell their numbers themselves
                    self._numbers.remember()
            self._living.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _move(self, key: int | str, *, trashed: bool) -> Take:
        with self._lock:
            take = self._current(key)
            if take.trashed == trashed:
                return take
            self._numbers.remember()  # whoever empties the trash by hand takes the numbers along
            new = take.replace(trashed=trashed)
            self._write(new, at=take.place("json"))
            settle(self.folder, new)
            return self._indexed("trashed" if trashed else "restored", new)


def _score(index: Index, takes: Sequence[Take]) -> None:
    with index.transaction():
        index.set_scores(takes)


def _make_rooms(folder: Path) -> bool:
    """Makes the folders that the engine writes into; False where nothing can be written."""
    try:
        for name in ("takes", "latents"):
            (folder / name).mkdir(exist_ok=True)
    except OSError:
        return False
    return all(os.access(folder / name, os.W_OK) for name in (".", "takes", "latents"))


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise EngineError(f"{path} cannot be removed ({reason}).", "Check your rights.") from cause
    sync_folder(path.parent)
