"""A take and its files as the index notes them; and files that are no takes, out of the way."""

from __future__ import annotations

import os
from pathlib import Path

from sessions.index import Entry
from sessions.scan import signature, size
from sessions.take import LATENTS_ONLY, MISSING, WHOLE, Take


def entry_of(folder: Path, take: Take, file: str) -> Entry:
    """What the index keeps of ``take``, whose JSON is ``file``, with what of its files is there. Raises OSError."""
    audio, latents = (
        size(f"{folder}/{take.place(kind)}") if kind in take.files else 0 for kind in ("audio", "latents")
    )
    stored = WHOLE if audio else LATENTS_ONLY if latents else MISSING
    take = take if take.stored == stored else take.replace(stored=stored)
    try:
        looks = signature(f"{folder}/{file}")
    except FileNotFoundError:  # adopted where nothing can be written
        looks = ""
    return Entry(take, file, looks, audio, latents)


def set_aside(path: Path) -> str:
    """Renames a file that cannot be read, so that it is seen and never in the way; returns its new name."""
    for attempt in range(1, 1000):
        target = path.with_name(f"{path.name}.broken{'' if attempt == 1 else attempt}")
        if not os.path.lexists(target):
            os.rename(path, target)
            return target.name
    raise OSError(None, f"{path.name} was set aside too often")
