"""The sessions that there are, the latest used first, for choosing one. No toolkit, and nothing is opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sessions.discovery import who_has
from sessions.places import last, list_sessions

_USED = ("session.toml", "takes", "drafts", "takes.db")
"""What changes when a session is worked with."""


@dataclass(frozen=True)
class KnownSession:
    """A session: when it was used last (seconds since 1970), how many takes it has, who works with it right now."""

    folder: Path
    used: float
    takes: int
    studio: str
    """``here`` where a studio of this machine runs, the name of another machine, or nothing."""


def known_sessions(env: Mapping[str, str] | None = None) -> list[KnownSession]:
    """Every session that can be called by name, and the one that was opened last wherever it is."""
    folders = list_sessions(env)
    if (latest := last(env)) is not None and latest not in [folder.resolve() for folder in folders]:
        folders.append(latest)
    return sorted((_known(folder) for folder in folders), key=lambda known: (-known.used, known.folder.name))


def _known(folder: Path) -> KnownSession:
    used, takes = 0.0, 0
    for name in _USED:
        with contextlib.suppress(OSError):
            used = max(used, os.stat(folder / name).st_mtime)
    with contextlib.suppress(OSError):
        takes = sum(entry.name.endswith(".json") for entry in os.scandir(folder / "takes"))
    holder = None
    with contextlib.suppress(OSError):
        holder = who_has(folder)
    here = "" if holder is None else "here" if holder.host == os.uname().nodename else holder.host
    return KnownSession(folder, used, takes, here)
