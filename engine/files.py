"""Files that are either whole and in place or not there at all: takes, their JSON and their latents are written so.

A file is written under a temporary name in its own folder, synced, and only then given its name; the folder is synced
last. A crash can leave a temporary file behind, never half a file under a real name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from engine.errors import InvalidRequest, RenderFailed

__all__ = ["TEMPORARY_PREFIX", "atomic_add", "atomic_write", "sweep", "sweep_dead", "sync_folder"]

TEMPORARY_PREFIX = ".acetui-part-"
"""How the names of temporary files begin; after a crash, older files with such names can be swept away."""

_being_written: set[str] = set()
"""The names of the temporary files that this very process has open."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def atomic_write(path: str | Path, writer: Callable[[BinaryIO], None], *, overwrite: bool = False) -> None:
    """Calls ``writer`` with an open binary file that becomes ``path`` once everything in it is safely on disk.

    Whatever goes wrong, an exception of ``writer`` included, nothing new is left behind and an old ``path`` is as it
    was. Raises InvalidRequest where ``path`` exists and ``overwrite`` is off (also when it appears meanwhile), and
    RenderFailed where the file system refuses: disk full, not allowed, no such folder.
    """
    target = Path(path)
    if not overwrite and os.path.lexists(target):
        raise _already_there(target)

    def write(file: BinaryIO) -> Path:
        writer(file)
        return target

    _write(target, write, overwrite)


def atomic_add(folder: str | Path, writer: Callable[[BinaryIO], str]) -> Path:
    """The same for a file whose name is known only once it is written: ``writer`` returns it.

    For names that follow from the content, such as its hash: where the name is there already, that file is kept.
    """
    found = Path(folder)

    def write(file: BinaryIO) -> Path:
        nonlocal found
        found = Path(folder) / writer(file)
        return found

    try:
        _write(Path(folder) / "a file", write, overwrite=False)
    except InvalidRequest:
        if found == Path(folder):  # the writer's own refusal
            raise
    return found


def _write(target: Path, write: Callable[[BinaryIO], Path], overwrite: bool) -> None:
    """Gives what ``write`` wrote the name that it returns, in the folder of ``target``, which stands for it before."""
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
    _being_written.add(temporary.name)
    try:
        with open(temporary, "xb") as file:
            target = write(file)
            file.flush()
            os.fsync(file.fileno())
        _give_name(temporary, target, overwrite)
    except BaseException as cause:
        _remove(temporary)
        if isinstance(cause, OSError):
            raise _refused(target, cause) from cause
        raise
    finally:
        _being_written.discard(temporary.name)
    sync_folder(target.parent)


def sweep(folder: str | Path, pid: int) -> None:
    """Removes what a process that was killed while it wrote has left in ``folder``."""
    for part in Path(folder).glob(f"{TEMPORARY_PREFIX}{pid}-*"):
        _remove(part)


def sweep_dead(folder: str | Path) -> list[str]:
    """Removes what processes that no longer run have left in ``folder``, and returns the names of those files.

    A number can come back: in a container the next process often has that of the last. So a file of our own number
    goes too, unless it is being written right now.
    """
    swept = []
    names = os.listdir(folder) if os.path.isdir(folder) else []
    for part in (Path(folder, name) for name in names if name.startswith(TEMPORARY_PREFIX)):
        pid = part.name.removeprefix(TEMPORARY_PREFIX).partition("-")[0]
        ours = pid == str(os.getpid())
        if part.name in _being_written if ours else pid.isdecimal() and _runs(int(pid)):
            continue
        _remove(part)
        swept.append(part.name)
    return sorted(swept)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is somebody else's, or a number that tells nothing
    return True


def _give_name(temporary: Path, target: Path, overwrite: bool) -> None:
    """Moves ``temporary`` to ``target``; without ``overwrite``, a file that has just appeared there is kept."""
    if overwrite:
        os.replace(temporary, target)
        return
    try:
        # A hard link, unlike a rename, refuses to replace: two programs that picked the same name cannot lose a take.
        os.link(temporary, target)
    except OSError as cause:
        if os.path.lexists(target):
            raise _already_there(target) from cause
        os.rename(temporary, target)  # this file system knows no hard links
    else:
        _remove(temporary)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the new name durable where the file system can; where it cannot, the file is whole and in place anyway."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _already_there(target: Path) -> InvalidRequest:
    return InvalidRequest(f"{target} exists already.", "Choose another name, or have it overwritten (--overwrite).")


def _refused(target: Path, cause: OSError) -> RenderFailed:
    """What the file system said, as a sentence and a hint."""
    folder = target.parent
    if cause.errno in _NO_SPACE:
        return RenderFailed(
            f"The disk is full: {target.name} could not be written to {folder} ({_free_space(folder)}).",
            "Free some space, for example by emptying the trash, and try again.",
        )
    if cause.errno in _NOT_ALLOWED:
        return RenderFailed(f"Writing to {folder} is not allowed.", "Choose a folder of your own.")
    if not folder.is_dir():
        return RenderFailed(f"There is no folder {folder}.", "Make it first, or choose another one.")
    reason = cause.strerror or type(cause).__name__
    return RenderFailed(f"{target} could not be written ({reason}).", "Check the disk, or choose another place.")


def _free_space(folder: Path) -> str:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return "free space unknown"
    return f"{free / 1e6:.1f} MB free"
