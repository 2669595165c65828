"""What this terminal is called, so that its draft is found again after the line dropped, and by nobody else's.

A name is claimed with a lock that ends with the process: a draft whose terminal is locked has somebody typing in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import socket
from itertools import count
from pathlib import Path

from sessions.places import state_folder

FOLDER = "terminals"

_FORBIDDEN = re.compile(r"[^a-z0-9_.-]+")
_LONGEST = 50


class OwnTerminal:
    """The name of this terminal in one session, for as long as the object is open."""

    def __init__(self, session: Path, tty: str | None = None) -> None:
        self._folder = state_folder() / FOLDER / hashlib.sha256(os.fsencode(session.resolve())).hexdigest()[:16]
        base = terminal_name(_tty() if tty is None else tty)
        for number in count(1):
            self.name = base if number == 1 else f"{base}-{number}"
            self._lock = _claimed(self._folder, self.name)
            if self._lock is not None or number > 99:
                break

    @property
    def kept(self) -> Path:
        """The folder for drafts that the studio could not be given."""
        return self._folder

    def others(self) -> set[str]:
        """The names of other terminals of this machine that are in this session now."""
        try:
            names = [path.stem for path in self._folder.glob("*.lock") if path.stem != self.name]
        except OSError:
            return set()
        return {name for name in names if _is_claimed(self._folder, name)}

    def close(self) -> None:
        """Gives the name back."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.close(self._lock)
            self._lock = None


def terminal_name(tty: str, host: str | None = None) -> str:
    """A name that a draft may have: the machine's and the terminal device's, in small letters."""
    host = socket.gethostname().partition(".")[0] if host is None else host
    name = _FORBIDDEN.sub("-", f"{host}-{tty.removeprefix('/dev/')}".lower()).strip("-._")
    return name[:_LONGEST].rstrip("-._") or "terminal"


def _tty() -> str:
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.ttyname(stream)
    return "no-tty"


def _claimed(folder: Path, name: str) -> int | None:
    """The locked file of a name; None where somebody has it, or where nothing can be locked here."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def _is_claimed(folder: Path, name: str) -> bool:
    lock = _claimed(folder, name)
    if lock is not None:
        os.close(lock)
    return lock is None
