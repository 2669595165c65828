"""The revisions of a session as a list to look through: when each was applied, and what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sessions.changes import summary
from sessions.errors import BadSessionFile
from sessions.recipe import parse
from sessions.settings import Settings
from sessions.toml_text import decode


@dataclass(frozen=True)
class Past:
    """One revision of the list. ``when`` is in UTC (ISO 8601), empty where the file is gone meanwhile."""

    number: int
    when: str
    changed: str
    """What is new against the one before; empty where one of the two cannot be read any more."""

    readable: bool


class History:
    """Reads the revisions in ``folder``, each file once as long as it stays as it is. Reads disks: not for the loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int], Settings | None]] = {}

    def past(self, number: int, before: int | None) -> Past:
        """The revision ``number``, compared with the one numbered ``before``, if there is one."""
        path = self._file(number)
        settings = self._settings(path)
        earlier = None if before is None else self._settings(self._file(before))
        changed = summary(earlier, settings) if earlier and settings else ""
        return Past(number, _when(path), changed, settings is not None)

    def page(self, numbers: list[int], limit: int, offset: int) -> list[Past]:
        """A page of the revisions with these rising ``numbers``, the newest first."""
        befores = [None, *numbers]
        newest_first = list(zip(reversed(numbers), reversed(befores[:-1]), strict=True))
        return [self.past(number, before) for number, before in newest_first[offset : offset + limit]]

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:04}.toml"

    def _settings(self, path: Path) -> Settings | None:
        """What a revision asks for; None where that cannot be read."""
        try:
            found = path.stat()
            looks = (found.st_mtime_ns, found.st_size)
            known = self._read.get(path.name)
            if known is not None and known[0] == looks:
                return known[1]
            settings = parse(decode(path.read_bytes(), path.name), path.name)
        except OSError:
            return None
        except BadSessionFile:
            settings = None
        self._read[path.name] = (looks, settings)
        return settings


def _when(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:
        return ""
