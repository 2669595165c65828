"""Sources as an engine reads them: by path. Recipes and takes name them by hash, or by take: good on any machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.tags import read_duration
from sessions.own_sources import PATHS
from sessions.sources import NoSource, Sources, is_hash
from sessions.take import Take
from sessions.take_names import LATENTS_OF, key_of, name_of


class SourcePaths:
    """The sources of the session in ``folder``; ``takes`` finds those that are takes."""

    def __init__(self, folder: Path, takes: Callable[[int | str], Take]) -> None:
        self._folder = folder
        self._takes = takes
        self._sources = Sources(folder)

    def given(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str | None]]:
        """``request`` with paths in place of hashes, of takes and of names of files in the folder; and the way back.

        Of a take that is worked on the latents are given too. Other names stay as they are. Raises NoSource for the
        hash of a source, and NoTake for a take, that the session does not have.
        """
        back: dict[str, str | None] = {}

        def path_of(name: str) -> str:
            path, known = self._path(name)
            back[path] = known
            return path

        given = _renamed(request, path_of)
        for audio, latents in LATENTS_OF.items():
            key = key_of(str(request.get(audio) or ""))
            if key is not None and not request.get(latents) and (path := self._place(self._takes(key), "latents")):
                given[latents] = path
                back.setdefault(path, None)
        return given, back

    def seconds(self, request: Mapping[str, Any]) -> float | None:
        """How long what a request works on is, with what is to follow it; None where nothing says so.

        A take says so, and the header of a FLAC or WAV file. Raises EngineError for what is not here or damaged.
        """
        if not request.get("src_audio"):
            return None
        names = [str(request[name]) for name in ("src_audio", "next_audio") if request.get(name)]
        lengths = [self._seconds(name) for name in names]
        known = [seconds for seconds in lengths if seconds is not None]
        gap = float(request.get("next_gap") or 0.0) if len(names) > 1 else 0.0
        return sum(known) + gap if len(known) == len(names) else None

    def _seconds(self, name: str) -> float | None:
        if (key := key_of(name)) is not None:
            return self._takes(key).duration
        path = Path(self._path(name)[0])
        return read_duration(path) if path.is_file() else None

    def _path(self, name: str) -> tuple[str, str]:
        """The path for a name, and the name for the path."""
        if (key := key_of(name)) is not None:
            take = self._takes(key)
            path = self._place(take, "audio") or self._place(take, "latents")
            if path is None:
                raise NoSource(f"The audio of take {take.number} is gone.", "'acetui finish' makes it again.")
            return path, name_of(take)
        if is_hash(name):
            return str(self._sources.path(name)), name
        there = self._folder / Path(name).expanduser()
        return (str(there) if there.exists() else name), name

    def _place(self, take: Take, kind: str) -> str | None:
        """The path of a file of a take, if it is there."""
        path = self._folder / take.place(kind) if kind in take.files else None
        return str(path) if path is not None and path.exists() else None


def taken_back(take: Mapping[str, Any], back: Mapping[str, str | None]) -> dict[str, Any]:
    """The engine's take object, its request with the names that the session has for its sources."""
    return {**take, "request": _renamed(take["request"], lambda path: back.get(path, path))}


def _renamed(request: Mapping[str, Any], name: Callable[[str], str | None]) -> dict[str, Any]:
    changed = {field: _each(request[field], name) for field in PATHS if request.get(field)}
    return {**request, **changed}


def _each(value: Any, name: Callable[[str], str | None]) -> Any:
    if isinstance(value, str):
        return name(value)
    if isinstance(value, Mapping):
        return {key: _each(entry, name) if key == "path" else entry for key, entry in value.items()}
    return [_each(entry, name) for entry in value] if isinstance(value, list | tuple) else value
