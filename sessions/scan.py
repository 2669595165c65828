"""What lies in a session's folder: names, and how the JSON files look. Nothing is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from engine.file_names import LATENTS_SUFFIX, SUFFIXES

ROOMS = ("takes", "latents", "trash/takes", "trash/latents")
"""The folders of a session in which takes are."""

TRASH = "trash/"
"""How the names of rooms begin that are in the trash."""

AUDIO_SUFFIXES = frozenset(SUFFIXES.values())


@dataclass(frozen=True)
class Listing:
    """Names by room; ``json`` is every JSON file of a take, relative to the session's folder, with its signature."""

    rooms: dict[str, frozenset[str]] = field(default_factory=dict)
    json: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a file is there, by its name relative to the session's folder."""
        room, _, rest = name.rpartition("/")
        return rest in self.rooms.get(room, frozenset())


def scan(folder: Path) -> Listing:
    """Looks through a session. A room that is not there is empty; hidden files are not looked at.

    Raises OSError for a room that cannot be read.
    """
    rooms: dict[str, frozenset[str]] = {}
    json: dict[str, str] = {}
    for room in ROOMS:
        try:
            with os.scandir(folder / room) as found:
                entries = [entry for entry in found if not entry.name.startswith(".")]
        except FileNotFoundError:
            entries = []
        rooms[room] = frozenset([entry.name for entry in entries])
        for entry in entries:
            if entry.name.endswith(".json"):
                json[f"{room}/{entry.name}"] = _signature(entry.stat())
    return Listing(rooms, json)


def signature(path: str) -> str:
    """How a file looks without opening it: written again by a rename, it always has another inode than just before."""
    return _signature(os.stat(path))


def fingerprint(folder: Path) -> list[list[int]]:
    """The rooms in a few numbers: when each was changed last, and how many names it has.

    Adding, removing and renaming change the time; the count is for file systems whose clocks are coarse.
    """
    numbers = []
    for room in ROOMS:
        try:
            numbers.append([os.stat(folder / room).st_mtime_ns, len(os.listdir(folder / room))])
        except FileNotFoundError:
            numbers.append([0, 0])
    return numbers


def size(path: str) -> int:
    """The bytes of a file; 0 if it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def latents_name(number: int) -> str:
    """Where the latents of a take belong, relative to the session's folder."""
    return f"latents/{number:04d}{LATENTS_SUFFIX}"


def number_of(name: str) -> int | None:
    """The number that a file's name begins with: 47 for "0047-neon-drive-8123.flac"; None if it has none.

    Eight digits are a date, not a number.
    """
    digits = name.partition(".")[0].partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdecimal() and 4 <= len(digits) <= 7 and int(digits) else None


def _signature(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}"
