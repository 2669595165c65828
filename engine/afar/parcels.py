"""What travels with a job: sources go to where the engine is, and takes come back, with paths as they are there."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import EngineError, RenderFailed
from engine.file_names import renamed
from engine.files import atomic_write
from engine.protocol import Output, Render, TakeEvent, Write

TAKES = "takes"
SOURCES = "sources"


@dataclass
class Job:
    """A job that is elsewhere: where its takes belong here, and what its paths there are called here."""

    output: Output | None = None
    back: dict[str, str] = field(default_factory=dict)
    failure: EngineError | None = None
    """Why a take could not be written here; nothing of the job is written after it."""


class Parcels:
    """Packs jobs for a station whose files are in ``folder``, and unpacks its takes. A source is sent there once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._sent: set[str] = set()

    def packed(self, message: Render | Write) -> tuple[Render | Write, dict[str, bytes], Job]:
        """A job as the other machine gets it, the files that go with it, and how to understand what comes back.

        What a render's ``output.names`` names are files of this machine, as far as they are here; the rest is left.
        Raises RenderFailed for a source that cannot be read.
        """
        if isinstance(message, Write):
            there, files = self._places([message.source] if message.source else [])
            return dataclasses.replace(message, source=there.get(message.source or "", message.source)), files, Job()
        output = message.output
        there, files = self._places(output.names)
        names = {there.get(path, path): name for path, name in output.names.items()}
        elsewhere = dataclasses.replace(output, folder=f"{self._folder}/{TAKES}", names=names)
        request = renamed(message.request, there)
        packed = dataclasses.replace(message, request=request, output=elsewhere)
        return packed, files, Job(output, {place: path for path, place in there.items()})

    def unpacked(self, event: TakeEvent, files: Mapping[str, bytes], job: Job) -> TakeEvent:
        """Writes the files of a take where they belong, the audio last, and returns the event as it is true here.

        Raises as ``engine.files.atomic_write`` does; every file is then whole or not there.
        """
        assert job.output is not None
        here = {kind: str(Path(job.output.folder, Path(path).name)) for kind, path in event.take["files"].items()}
        written: list[Path] = []
        try:
            for kind in sorted(here, key=lambda kind: kind == "audio"):
                _write(here[kind], files[kind], overwrite=job.output.overwrite)
                written.append(Path(here[kind]))
        except BaseException:
            for path in written:  # latents without their audio would be in the way of the next try
                path.unlink(missing_ok=True)
            raise
        take = {**event.take, "files": here, "request": renamed(event.take["request"], job.back)}
        return TakeEvent(event.id, take)

    def _places(self, paths: Any) -> tuple[dict[str, str], dict[str, bytes]]:
        """Where files and folders of this machine are there, and those that have yet to be sent."""
        there: dict[str, str] = {}
        files: dict[str, bytes] = {}
        for path in paths:
            source = Path(path)
            if not path or not source.is_absolute() or not source.exists():
                continue
            place = f"{SOURCES}/{_key(source)}/{source.name}"
            there[path] = f"{self._folder}/{place}"
            if place not in self._sent:
                files |= {f"{place}{inside}": content for inside, content in _read(source)}
                self._sent.add(place)
        return there, files


def _write(path: str, content: bytes, *, overwrite: bool) -> None:
    def write(file: BinaryIO) -> None:
        file.write(content)

    atomic_write(path, write, overwrite=overwrite)


def _key(source: Path) -> str:
    """What changes when a file does, or what is in a folder."""
    stats = [(str(path), path.stat()) for path in _parts(source)]
    told = "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats)
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _read(source: Path) -> Iterator[tuple[str, bytes]]:
    """The content of a file, or of every file in a folder with its place in it."""
    for path in _parts(source):
        try:
            inside = "" if path == source else f"/{path.relative_to(source).as_posix()}"
            yield inside, path.read_bytes()
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            raise RenderFailed(f"{path} could not be read ({reason}).", "Check the file and your rights.") from cause


def _parts(source: Path) -> list[Path]:
    return sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
