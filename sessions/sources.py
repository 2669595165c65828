"""Imported audio (covers, references) and adapters, kept by the hash of their content: never twice, never changed.

Recipes name a source by its hash, so a take made from it can be made again wherever the session is.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import EngineError, InvalidRequest
from engine.files import atomic_add

FOLDER = "sources"

_HASH = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


def is_hash(name: str) -> bool:
    """Whether a name is that of a source, whether or not there is one."""
    return _HASH.fullmatch(name) is not None


class NoSource(EngineError):
    """A source that the session does not have."""

    exit_code = 3


class Sources:
    """The sources of the session in ``folder``."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder) / FOLDER

    def add(self, source: str | Path) -> str:
        """Imports a file and returns its hash. Raises InvalidRequest for one that cannot be read.

        A file that is here already is read, not copied.
        """
        path = Path(source)
        try:
            with open(path, "rb") as file:
                found = self._existing(_hash(file))
                if found is not None:
                    return found.stem
                file.seek(0)
                return self.receive(file, path.name)
        except OSError as cause:
            raise _unreadable(path, cause) from cause

    def receive(self, stream: BinaryIO, name: str) -> str:
        """Imports what ``stream`` holds, an upload for example, and returns its hash.

        Of ``name`` only the suffix is kept. Raises what ``engine.files.atomic_write`` raises, and InvalidRequest for
        nothing at all.
        """
        suffix = _suffix(name)
        digest = ""

        def write(file: BinaryIO) -> str:
            nonlocal digest
            hasher, total = hashlib.sha256(), 0
            while piece := stream.read(_PIECE):
                hasher.update(piece)
                file.write(piece)
                total += len(piece)
            if not total:
                raise InvalidRequest("The file is empty.", "Choose a file that holds audio.")
            digest = hasher.hexdigest()
            existing = self._existing(digest)
            return existing.name if existing is not None else digest + suffix

        self._folder.mkdir(parents=True, exist_ok=True)
        atomic_add(self._folder, write)
        return digest

    def path(self, digest: str) -> Path:
        """The file with a hash. Raises NoSource, also for what is no hash: no other file can be reached so."""
        found = self._existing(digest)
        if found is None:
            raise NoSource(f"This session has no source {digest[:64]!r}.", "Import the file again.")
        return found

    def verify(self, digest: str) -> bool:
        """Whether the file still holds what it was imported with. Raises NoSource."""
        with open(self.path(digest), "rb") as file:
            return _hash(file) == digest

    def __iter__(self) -> Iterator[str]:
        """The hashes of all sources, in order."""
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return
        for name in names:
            if _HASH.fullmatch(name.partition(".")[0]):
                yield name.partition(".")[0]

    def _existing(self, digest: str) -> Path | None:
        if not is_hash(digest):
            return None
        return next((path for path in sorted(self._folder.glob(f"{digest}*")) if path.is_file()), None)


def content_hash(path: Path) -> str:
    """The hash by which a file would be known. Raises InvalidRequest for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return _hash(file)
    except OSError as cause:
        raise _unreadable(path, cause) from cause


def _unreadable(path: Path, cause: OSError) -> InvalidRequest:
    reason = cause.strerror or type(cause).__name__
    return InvalidRequest(f"{path} could not be read ({reason}).", "Check its name and your rights.")


def _suffix(name: str) -> str:
    """The suffix of a file's name, if it is an ordinary one."""
    suffix = Path(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,12}", suffix) else ".bin"


def _hash(file: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while piece := file.read(_PIECE):
        hasher.update(piece)
    return hasher.hexdigest()
