"""What lies in a session's folder: names, and how the JSON files look. Nothing is opened."""

from __future__ import annotations

import contextlib
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
    """The names of all files in the rooms, relative to the session's folder."""

    names: frozenset[str] = frozenset()
    json: dict[str, str] = field(default_factory=dict)
    """Those that are the JSON of a take, with their signatures."""

    hidden: frozenset[str] = frozenset()
    """The rooms with hidden files; those are not among the names."""


def scan(folder: Path) -> Listing:
    """Looks through a session. A room that is not there is empty; hidden files are not looked at.

    Raises OSError for a room that cannot be read.
    """
    names: list[str] = []
    json: dict[str, str] = {}
    hidden = set()
    for room in ROOMS:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder / room) as found:
            for entry in found:
                name = f"{room}/{entry.name}"
                if entry.name.startswith("."):
                    hidden.add(room)
                    continue
                names.append(name)
                if name.endswith(".json"):
                    json[name] = _signature(entry.stat())
    return Listing(frozenset(names), json, frozenset(hidden))


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
