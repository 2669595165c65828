"""Where the studio of a session is found: a folder of its own, for its owner alone, in the user's state folder.

In it are the studio's socket, its token and its log. That a studio runs, and where its socket is, the session's lock
says (``sessions.lock``); the folder alone proves nothing, and a socket that nobody listens on is only a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from sessions.lock import Holder, SessionBusy, holder_of
from sessions.places import state_folder

FOLDER = "studios"
LONGEST_SOCKET = 100
"""Bytes of a socket's path: systems allow 104 or 108, one of them for the end."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,100}")
_BACKLOG = 128
_LOOKS, _LOOK_SECONDS = 10, 0.05


class NoPlace(EngineError):
    """A folder for the studio's socket and token that cannot be had, or that is not its owner's alone."""


def who_has(session: Path) -> Holder | None:
    """Who has the session right now, see ``holder_of``; one that has just come may write its name first."""
    for _ in range(_LOOKS - 1):
        try:
            return holder_of(session)
        except SessionBusy:
            time.sleep(_LOOK_SECONDS)
    return holder_of(session)


@dataclass(frozen=True)
class Place:
    """The folder of one session's studio; ``key`` tells studios apart, in names of cookies for example."""

    key: str
    folder: Path

    @classmethod
    def of(cls, session: Path, env: Mapping[str, str] | None = None) -> Place:
        """The place of the studio of ``session``, made or not."""
        key = hashlib.sha256(os.fsencode(session.resolve())).hexdigest()[:12]
        return cls(key, (state_folder(env) / FOLDER / key).absolute())

    @property
    def socket(self) -> Path:
        """Where the studio listens. In a state folder with a long name, that is in the system's temporary folder."""
        path = self.folder / "s"
        if len(os.fsencode(path)) <= LONGEST_SOCKET:
            return path
        return Path(tempfile.gettempdir()) / f"acetui-{os.getuid()}-{self.key}" / "s"

    @property
    def log(self) -> Path:
        """What the studio and its engine have to say, tracebacks included."""
        return self.folder / "log"

    @property
    def cookie(self) -> str:
        """The name of the studio's cookie: cookies do not know ports, and several studios share one host."""
        return f"acetui-{self.key}"

    def make(self) -> None:
        """Makes the folder, and the socket's if that is another one; raises NoPlace where they are not safe."""
        for folder in {self.folder, self.socket.parent}:
            _make_private(folder)

    def token(self) -> str:
        """The studio's token, made at its first use and kept: whoever can read the file may do everything.

        Raises NoPlace where it can be neither read nor written.
        """
        self.make()
        path = self.folder / "token"
        return _read_token(path) or self.keep_token(secrets.token_urlsafe(32))

    def keep_token(self, token: str) -> str:
        """Puts ``token`` in place, for a folder that was lost while its studio ran; returns it."""
        self.make()
        path = self.folder / "token"
        temporary = path.with_name(f".token-{os.getpid()}-{secrets.token_hex(4)}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(token)
            os.replace(temporary, path)
        except OSError as cause:
            raise _no_place(self.folder, cause) from cause
        return token

    def known_token(self) -> str | None:
        """The token of a studio that runs; None where there is none that can be read."""
        return _read_token(self.folder / "token")


class Door:
    """The studio's own socket in the file system: put there, put back when it is gone, taken away at the end."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._mark: tuple[int, int] | None = None

    def open(self) -> socket.socket:
        """A listening socket at its place; what was there before, of a studio that was killed, is replaced.

        Raises NoPlace. To be called by the holder of the session's lock alone.
        """
        self._place.make()
        path = self._place.socket
        temporary = path.with_name("t")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            listening.bind(os.fspath(temporary))
            os.chmod(temporary, 0o600)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
            os.replace(temporary, path)  # never a moment without a socket, and never two
            self._mark = _mark(path)
        except OSError as cause:
            listening.close()
            raise _no_place(path.parent, cause) from cause
        return listening

    def is_there(self) -> bool:
        """Whether the path still leads to this socket."""
        return self._mark is not None and _mark(self._place.socket) == self._mark

    def close(self) -> None:
        """Takes the path away, if it is still this one's."""
        if self.is_there():
            with contextlib.suppress(OSError):
                self._place.socket.unlink()


def _make_private(folder: Path) -> None:
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and found.st_mode & 0o077:
            folder.chmod(0o700)
            found = folder.lstat()
    except OSError as cause:
        raise _no_place(folder, cause) from cause
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoPlace(f"{folder} is not a folder of yours alone.", "Remove it, or name another one in ACETUI_STATE.")


def _read_token(path: Path) -> str | None:
    """The token in a file that nobody else can read; another one is as good as none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        found = os.fstat(file.fileno())
        text = file.read(200).strip()
    safe = found.st_uid == os.getuid() and not found.st_mode & 0o077
    return text if safe and _TOKEN.fullmatch(text) else None


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _no_place(folder: Path, cause: OSError) -> NoPlace:
    reason = cause.strerror or str(cause)
    return NoPlace(
        f"The studio's folder {folder} cannot be used ({reason}).", "Check your rights, or set ACETUI_STATE."
    )
