"""One writer a session: a lock on a file in the session's folder, and in the file who holds it.

The lock is the kernel's (flock): it goes with the process that has it, however that ends, so on one machine a stale
lock cannot exist. What is in the file is for people, and for the one case in which the kernel does not know: a folder
that another machine has mounted too. There the holder's beat is watched: it counts, so clocks do not matter.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.errors import EngineError
from sessions.disk import file_system, is_shared

FILE = "session.lock"

BEAT_SECONDS = 5.0
"""How often a holder should beat."""

_WATCH_SECONDS = 3 * BEAT_SECONDS
_BLOCK = 1024
"""Bytes of the file: one write replaces all of it, so that a reader never sees half."""

_HELD = (errno.EWOULDBLOCK, errno.EACCES)


@dataclass(frozen=True)
class Holder:
    """Who holds a session, or held it last. Times are UTC, for people."""

    host: str
    pid: int
    started: str
    heartbeat: str
    beats: int = 0
    socket: str | None = None
    """Where the holder can be reached, if it can be."""

    def __str__(self) -> str:
        where = "this machine" if self.host == socket.gethostname() else self.host
        return f"process {self.pid} on {where}, since {self.started}"


class SessionBusy(EngineError):
    """Another process writes to the session; ``holder`` says which, if that could be read."""

    def __init__(self, folder: Path, holder: Holder | None) -> None:
        who = str(holder) if holder else "another process"
        reachable = holder is None or holder.socket is not None
        super().__init__(
            f"The session {folder.name} is in use by {who}.",
            "Attach to it with 'acetui', or end that process first."
            if reachable
            else "It is no studio that could be attached to, such as 'acetui jam': wait for its end, or end it there.",
        )
        self.holder = holder


class LockLost(EngineError):
    """The file of a lock was removed or replaced while it was held: somebody else may have the session by now."""


class SessionLock:
    """A lock that is held; ``previous`` is who held it before without giving it back, such as a killed process."""

    def __init__(self, path: Path, descriptor: int, holder: Holder, previous: Holder | None) -> None:
        self._path = path
        self._descriptor = descriptor
        self.holder = holder
        self.previous = previous

    @classmethod
    def acquire(cls, folder: str | Path, *, socket_path: str | None = None, watch: float = _WATCH_SECONDS) -> Self:
        """Takes the session in ``folder`` or raises SessionBusy. Raises EngineError where no lock can be made.

        It returns at once, unless the folder is shared between machines and the last holder was another one: then that
        one is watched for ``watch`` seconds, and has the session if it beats.
        """
        path = Path(folder) / FILE
        descriptor = _open_locked(path)
        try:
            previous = _read(descriptor)
            if previous is not None and _may_live_elsewhere(path, previous) and _beats(descriptor, previous, watch):
                raise SessionBusy(path.parent, previous)
            now = _now()
            lock = cls(path, descriptor, Holder(socket.gethostname(), os.getpid(), now, now, 0, socket_path), previous)
            _write(descriptor, lock.holder)
            os.ftruncate(descriptor, _BLOCK)
        except OSError as cause:
            os.close(descriptor)
            raise _no_lock(path, cause) from cause
        except BaseException:
            os.close(descriptor)
            raise
        return lock

    def beat(self) -> None:
        """Shows that the holder lives; to be called every ``BEAT_SECONDS``. Raises LockLost."""
        try:
            ours = os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            ours = False
        if not ours:
            raise LockLost(
                f"{self._path} was removed while the session was in use.", "Close the session and open it again."
            )
        self.holder = replace(self.holder, heartbeat=_now(), beats=self.holder.beats + 1)
        _write(self._descriptor, self.holder)

    def release(self) -> None:
        """Gives the session back. The file stays, empty: removing it could take away somebody else's lock."""
        if self._descriptor >= 0:
            try:
                os.ftruncate(self._descriptor, 0)
            except OSError:
                pass  # the disk is gone or read-only by now; the lock goes with the descriptor
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(folder: str | Path) -> Holder | None:
    """Who holds the session in ``folder`` right now, without taking it; None if nobody does on this machine.

    Raises SessionBusy for a holder that cannot be named.
    """
    path = Path(folder) / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as cause:
        if cause.errno in _HELD:
            holder = _read(descriptor)
            if holder is None:
                raise SessionBusy(path.parent, None) from None
            return holder
    finally:
        os.close(descriptor)
    return None


def _open_locked(path: Path) -> int:
    """The file, open and locked."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as cause:
            raise _no_lock(path, cause) from cause
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass  # removed between the two calls: once more
        except OSError as cause:
            holder = _read(descriptor)
            os.close(descriptor)
            if cause.errno in _HELD:
                raise SessionBusy(path.parent, holder) from None
            raise _no_lock(path, cause) from cause
        os.close(descriptor)


def _may_live_elsewhere(path: Path, holder: Holder) -> bool:
    """Whether a holder that this kernel does not know may be alive on another machine; a copied folder is local."""
    return holder.host != socket.gethostname() and is_shared(file_system(path.parent))


def _beats(descriptor: int, before: Holder, seconds: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether the file changes while it is watched."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sleep(min(0.5, seconds))
        if _read(descriptor) != before:
            return True
    return False


def _read(descriptor: int) -> Holder | None:
    """What the file says; None if it says nothing that can be read."""
    try:
        raw: Any = json.loads(os.pread(descriptor, _BLOCK, 0))
        holder = Holder(**{field.name: raw[field.name] for field in fields(Holder) if field.name in raw})
    except (OSError, ValueError, TypeError):
        return None
    return holder if isinstance(holder.host, str) and isinstance(holder.pid, int) else None


def _write(descriptor: int, holder: Holder) -> None:
    os.pwrite(descriptor, json.dumps(asdict(holder)).encode().ljust(_BLOCK, b" "), 0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _no_lock(path: Path, cause: OSError) -> EngineError:
    reason = cause.strerror or type(cause).__name__
    return EngineError(
        f"The session {path.parent.name} cannot be locked ({reason}).",
        "Check that its folder is there and yours, and that its disk is not read-only.",
    )
