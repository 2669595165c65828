"""Tags inside audio files: what a take is called, its words, and the recipe that made it.

libsndfile knows a few fixed tags only, so each container is written here: FLAC, MP3 (ID3v2.4), WAV and Ogg (Vorbis,
Opus). The sound itself is copied byte for byte. Files are recognised by how they begin, not by their names.

A tag is a name of ``NAMES`` with a text. Texts are stored as UTF-8; ``key`` is a key in words ("F# minor").
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from engine.errors import EngineError
from engine.tags import flac, id3, ogg, riff
from engine.tags.binary import Damaged
from engine.tags.names import NAMES, RECIPE, TAKE

__all__ = ["NAMES", "RECIPE", "TAKE", "copy_with_tags", "read_duration", "read_tags"]


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags of an audio file, as far as they are in ``NAMES``. A file without any gives an empty dict.

    Raises EngineError for a file that is missing, unreadable, damaged, or of a kind that carries no tags.
    """
    try:
        with open(path, "rb") as file:
            tags: dict[str, str] = _container(file).read(file)
            return tags
    except Damaged as cause:
        raise EngineError(f"{path} has no tags to read: {cause}.", "Copy the file again from its source.") from cause
    except OSError as cause:
        raise _unreadable(path, cause) from cause


def read_duration(path: str | Path) -> float | None:
    """Seconds of sound in an audio file, as its header states them; None where the header does not (MP3, Ogg).

    Raises EngineError for a file that is missing, unreadable or damaged.
    """
    try:
        with open(path, "rb") as file:
            container = _container(file)
            seconds: float | None = container.duration(file) if container in (flac, riff) else None
            return seconds
    except Damaged as cause:
        raise EngineError(f"{path} is damaged: {cause}.", "Copy the file again from its source.") from cause
    except OSError as cause:
        raise _unreadable(path, cause) from cause


def copy_with_tags(source: BinaryIO, target: BinaryIO, tags: Mapping[str, str]) -> None:
    """Copies an audio file from ``source`` (seekable, at its start) to ``target`` with ``tags`` in place of its own.

    ``target`` is empty and seekable. NUL characters are dropped and empty texts left out: not every container can hold
    them. Raises ValueError for a name that is not in ``NAMES``, and EngineError for a source that is damaged or carries
    no tags.
    """
    unknown = sorted(set(tags) - set(NAMES))
    if unknown:
        raise ValueError(f"no such tags: {', '.join(unknown)}")
    texts = {name: text.replace("\0", "") for name, text in tags.items()}
    texts = {name: text for name, text in texts.items() if text}
    try:
        _container(source).copy(source, target, texts)
    except Damaged as cause:
        raise EngineError(f"This audio cannot be tagged: {cause}.", "Write it again in another format.") from cause


def _unreadable(path: str | Path, cause: OSError) -> EngineError:
    reason = cause.strerror or type(cause).__name__
    return EngineError(f"{path} could not be read ({reason}).", "Check its name and your rights.")


def _container(file: BinaryIO) -> ModuleType:
    """The module that reads and writes this kind of file; ``file`` is at its start, before and after."""
    start = file.read(12)
    file.seek(0)
    if start.startswith(b"fLaC"):
        return flac
    if start.startswith(b"OggS"):
        return ogg
    if start.startswith(b"RIFF") and start[8:] == b"WAVE":
        return riff
    if start.startswith(b"ID3") or (len(start) > 1 and start[0] == 0xFF and start[1] >= 0xE0):
        return id3
    raise Damaged("it is not FLAC, MP3, WAV or Ogg")
