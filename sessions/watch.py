"""session.toml as people save it: each whole edit once, good or broken, whatever way their editor writes files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from sessions.errors import BadSessionFile, MissingSession
from sessions.places import SESSION_FILE
from sessions.recipe import SessionFile, parse
from sessions.settings import Settings
from sessions.toml_text import decode

_Mark = tuple[int, int, int, int]


@dataclass(frozen=True)
class Saved:
    """An edit that can be followed (``Revisions.follow``)."""

    text: str
    settings: Settings


@dataclass(frozen=True)
class Broken:
    """An edit that cannot, with line and column in its error, or a session.toml that is gone."""

    error: EngineError


class Watcher:
    """Looks at session.toml a few times a second; no notifications, which network file systems do not send.

    A file is read once it has kept still for ``settled`` seconds, so that the halves of a save are not taken for one;
    an empty or missing file has ``patience`` seconds to become something, because some editors truncate or delete it
    first. ``seen`` is the text that is known already.
    """

    def __init__(
        self,
        session: Path,
        *,
        seen: str | None = None,
        every: float = 0.2,
        settled: float = 0.3,
        patience: float = 2.0,
    ) -> None:
        self._file = SessionFile(session)
        self._seen: bytes | None = None if seen is None else seen.encode("utf-8")
        self._every = every
        self._settled = settled
        self._patience = patience
        self._gone = False

    async def changes(self) -> AsyncIterator[Saved | Broken]:
        """Every edit from now on; ends when the task is cancelled."""
        clock = asyncio.get_running_loop().time
        mark, looked, still, handled = self._mark(), clock(), 0.0, False
        while True:
            await asyncio.sleep(self._every)
            before, mark = mark, self._mark()
            last, looked = looked, clock()
            # While this process was stopped or starved, nobody looked: that time says little about the file.
            still += min(looked - last, 2 * self._every)
            if mark != before:
                still, handled = 0.0, False
            if handled or still < (self._settled if mark and mark[1] else self._patience):
                continue
            handled = True
            if found := self._look(mark):
                yield found

    def _mark(self) -> _Mark | None:
        """What changes with every save, one way or another; None where there is no file."""
        try:
            stat = os.stat(self._file.path)
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns

    def _look(self, mark: _Mark | None) -> Saved | Broken | None:
        """What is new in the file; None where nothing is, or where it moved while it was read."""
        try:
            data = self._file.data()
        except MissingSession as error:
            if self._mark() != mark:
                return None
            was_gone, self._gone = self._gone, True
            return None if was_gone else Broken(error)
        except BadSessionFile as error:
            return Broken(error)
        if self._mark() != mark:
            return None
        came_back, self._gone = self._gone, False
        if data == self._seen and not came_back:
            return None
        self._seen = data
        try:
            text = decode(data, SESSION_FILE)
            return Saved(text, parse(text))
        except BadSessionFile as error:
            return Broken(error)
