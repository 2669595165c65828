"""Small files of a session, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from engine.errors import RenderFailed
from engine.files import atomic_write


def write_whole(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Writes ``data`` to ``path``, its folder made if need be. A file that is replaced passes on its permissions.

    A link stays a link: what it leads to is replaced. Raises as ``atomic_write`` does.
    """
    target = path.resolve() if path.is_symlink() else path

    def write(file: BinaryIO) -> None:
        if overwrite:
            with contextlib.suppress(OSError):
                os.fchmod(file.fileno(), target.stat().st_mode & 0o777)
        file.write(data)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise RenderFailed(f"The folder {target.parent} cannot be made ({reason}).", "Check your rights.") from cause
    atomic_write(target, write, overwrite=overwrite)
