"""Every state of session.toml that was applied, numbered from 1: what the loop renders and what takes refer to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from engine.errors import EngineError, InvalidRequest
from sessions.changes import summary
from sessions.drafts import Drafts
from sessions.errors import BadSessionFile, Clash, MissingSession
from sessions.history import History
from sessions.places import SESSION_FILE
from sessions.recipe import Changes, SessionFile, edit, parse
from sessions.settings import Settings
from sessions.toml_text import decode
from sessions.whole_files import write_whole

FOLDER = "revisions"

_NAME = re.compile(r"([0-9]{4,9})\.toml")


@dataclass(frozen=True)
class Revision:
    """One state of the session; ``changed`` says in a few words what is new against the one before."""

    number: int
    settings: Settings
    text: str
    changed: str = ""


class Revisions:
    """The revisions of one session, for its one studio. ``current`` is what the next batch is made from.

    session.toml is written before the history: after a crash in between, the file is found changed and is followed, so
    that an applied edit is never undone.
    """

    def __init__(self, session: Path, current: Revision, highest: int = 0, problem: EngineError | None = None) -> None:
        self.current = current
        self._highest = max(highest, current.number)
        self.problem = problem
        """Why session.toml itself is not what is current: it is broken or gone. The last good revision goes on."""
        self._folder = session / FOLDER
        self.history = History(self._folder)
        self._file = SessionFile(session)
        self._drafts = Drafts(session)

    @classmethod
    def open(cls, session: Path, used: int = 0) -> Revisions:
        """The revisions of a session, with a new one if session.toml was edited meanwhile.

        ``used`` is the highest number that takes refer to, so that none is given twice if the history was lost.
        Where the file is broken or gone, the last revision goes on and ``problem`` says so; a session without any
        raises BadSessionFile or MissingSession.
        """
        last = _last(session / FOLDER)
        highest = max([used, *_numbers(session / FOLDER)])
        try:
            text = SessionFile(session).text()
            settings = parse(text)
        except (BadSessionFile, MissingSession) as problem:
            if last is None:
                raise
            return cls(session, last, highest, problem)
        if last is None:
            opened = cls(session, Revision(highest + 1, settings, text))
            opened._record(opened.current)
            return opened
        opened = cls(session, last, highest)
        opened.follow(text)
        return opened

    def numbers(self) -> list[int]:
        """The numbers of all revisions that are kept, rising."""
        return _numbers(self._folder)

    def get(self, number: int) -> Revision:
        """One revision; raises InvalidRequest where there is none, BadSessionFile where it cannot be read any more."""
        if number == self.current.number:
            return self.current
        text = _text(self._folder, number)
        if text is None:
            raise InvalidRequest(f"There is no revision {number}.", f"The current one is {self.current.number}.")
        settings = parse(text, _name(number))
        return Revision(number, settings, text, _changed(self._folder, number, settings))

    def follow(self, text: str) -> Revision:
        """Makes what a person saved in session.toml the current revision, and returns it.

        Where nothing is different but comments and spacing, the number stays. Raises BadSessionFile, and then the
        current revision stays; ``problem`` says why until a good text is followed or applied.
        """
        try:
            settings = parse(text)
        except BadSessionFile as problem:
            self.problem = problem
            raise
        self.problem = None
        if text != self.current.text:
            self._record(self._next(text, settings))
        return self.current

    def apply(self, text: str, based_on: int, *, instead_of: str | None = None) -> Revision:
        """Writes ``text`` to session.toml and makes it the current revision.

        Raises BadSessionFile for a text that cannot be read. Raises Clash, and keeps ``text`` among the drafts, where
        another revision has come since ``based_on``, or where the file on disk holds an edit that is no revision yet.
        ``instead_of`` is that edit, from the clash: who has seen it may replace it, and then it is kept in turn.
        """
        settings = parse(text)
        on_disk = self._on_disk()
        if text == self.current.text == on_disk:  # asked twice
            return self.current
        if based_on != self.current.number:
            self._clash(f"Revision {self.current.number} came before your edit of {based_on}.", text, based_on)
        if on_disk not in (None, text, self.current.text):
            if on_disk != instead_of:
                self._clash(f"{SESSION_FILE} was edited on disk meanwhile.", text, based_on, on_disk)
            self._drafts.set_aside(on_disk, based_on)
        self._file.write(text)
        self.problem = None
        self._record(self._next(text, settings))
        return self.current

    def change(self, changes: Changes, based_on: int) -> Revision:
        """Changes values of the revision ``based_on`` and applies the result; raises as ``apply`` and ``edit`` do."""
        return self.apply(edit(self.get(based_on).text, changes), based_on)

    def _next(self, text: str, settings: Settings) -> Revision:
        if settings == self.current.settings:
            return replace(self.current, text=text)
        return Revision(self._highest + 1, settings, text, summary(self.current.settings, settings))

    def _record(self, revision: Revision) -> None:
        write_whole(self._folder / _name(revision.number), revision.text.encode("utf-8"), overwrite=True)
        self.current = revision
        self._highest = max(self._highest, revision.number)

    def _on_disk(self) -> str | None:
        """What session.toml holds now, whatever it is; None where there is none. What cannot be read stays."""
        if not self._file.path.exists():
            return None
        return self._file.data().decode("utf-8", "surrogateescape")

    def _clash(self, sentence: str, mine: str, based_on: int, theirs: str | None = None) -> NoReturn:
        kept = self._drafts.set_aside(mine, based_on)
        raise Clash(sentence, mine=mine, theirs=self.current.text if theirs is None else theirs, kept=kept)


def _name(number: int) -> str:
    return f"{number:04}.toml"


def _numbers(folder: Path) -> list[int]:
    try:
        found = [_NAME.fullmatch(path.name) for path in folder.iterdir()]
    except OSError:
        return []
    return sorted(int(name.group(1)) for name in found if name)


def _text(folder: Path, number: int) -> str | None:
    try:
        return decode((folder / _name(number)).read_bytes(), _name(number))
    except OSError:
        return None


def _last(folder: Path) -> Revision | None:
    """The newest revision that can be read. Numbers are never used twice, so older ones do not stand in for newer."""
    for number in reversed(_numbers(folder)):
        try:
            text = _text(folder, number)
            if text is not None:
                settings = parse(text, _name(number))
                return Revision(number, settings, text, _changed(folder, number, settings))
        except BadSessionFile:
            continue
    return None


def _changed(folder: Path, number: int, settings: Settings) -> str:
    try:
        text = _text(folder, number - 1)
        return "" if text is None else summary(parse(text), settings)
    except BadSessionFile:
        return ""
