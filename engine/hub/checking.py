"""Whether a model on the disk is what was published: headers in a moment, checksums as fast as the disk is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadCheckpoint
from engine.hub.getting import read_manifest
from engine.hub.here import Present, opened
from engine.hub.listing import HubFile
from engine.verification import verify

_SHA256, _BLOB = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Verdict:
    """What checking found: ``trouble`` is empty where nothing is wrong, and ``how`` says how well that is known."""

    name: str
    how: str
    files: int
    trouble: str = ""


def check(model: Present, told: Callable[[str, int, int], None] = lambda *_: None) -> Verdict:
    """Looks at one model; ``told`` hears of each file that is read (its name, how many are done, of how many)."""
    try:
        verify(opened(model.kind, model.folder))
    except BadCheckpoint as error:
        return Verdict(model.name, "headers", 0, error.error)
    known = read_manifest(model.folder) or tuple(_of_cache(model.folder))
    if not known:
        return Verdict(model.name, "headers", 0)
    for place, file in enumerate(known):
        told(file.name, place, len(known))
        if not file.matches(model.folder / file.name):
            return Verdict(model.name, "checksums", place, f"{model.name}/{file.name} is not what was published.")
    return Verdict(model.name, "checksums", len(known))


def _of_cache(folder: Path) -> Iterator[HubFile]:
    """The checksums of a folder in the hub's cache, whose files are links to ones that are named by them."""
    for link in sorted(folder.rglob("*")):
        if link.is_symlink() and link.is_file():
            name, size = link.resolve().name, link.stat().st_size
            if _SHA256.fullmatch(name):
                yield HubFile(str(link.relative_to(folder)), link.name, size, sha256=name)
            elif _BLOB.fullmatch(name):
                yield HubFile(str(link.relative_to(folder)), link.name, size, blob=name)
