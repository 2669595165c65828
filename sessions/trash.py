"""Into the trash and back. Where a take is, its JSON says first, and the files follow.

The JSON is rewritten with ``trashed`` set, then audio, latents and, last, the JSON itself move. Killed in between, the
next start finds a JSON that says something else than where it lies, and moves the rest.
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import EngineError
from engine.files import sync_folder
from sessions.scan import TRASH
from sessions.take import Take


class NotMoved(EngineError):
    """A file that could not be moved into the trash or out of it; the next start tries again."""


def settle(folder: Path, take: Take) -> str:
    """Moves the files of ``take`` to where it says they are, and returns where its JSON is then.

    Files that are there already, or nowhere, are left alone. Raises NotMoved.
    """
    source, target = (folder, folder / TRASH) if take.trashed else (folder / TRASH, folder)
    names = [*take.files.values(), take.json_name]
    try:
        touched = {move(source / name, target / name) for name in names}
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        where = "into" if take.trashed else "out of"
        raise NotMoved(
            f"Take {take.number} could not be moved {where} the trash ({reason}).",
            f"Look at the folders {folder / 'takes'} and {folder / TRASH}, and try again.",
        ) from cause
    for parent in sorted(filter(None, touched)):
        sync_folder(Path(parent))
    return take.place("json")


def move(source: Path, target: Path) -> str | None:
    """Renames a file; None if it is not there. Raises OSError, FileExistsError rather than replace a file."""
    if source == target or not os.path.lexists(source):
        return None
    if os.path.lexists(target):
        raise FileExistsError(None, f"{target.name} is there already")
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, target)
    return str(target.parent)
