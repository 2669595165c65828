"""Sources as an engine reads them: by path. Recipes and takes name them by hash, which is good on any machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sessions.own_sources import PATHS
from sessions.sources import Sources, is_hash


class SourcePaths:
    """The sources of the session in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sources = Sources(folder)

    def given(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """``request`` with paths in place of hashes, and of names of files in the session's folder; and the way back.

        Other names stay as they are. Raises NoSource for the hash of a source that the session does not have.
        """
        back: dict[str, str] = {}

        def path_of(name: str) -> str:
            path = self._path(name)
            back[path] = name
            return path

        return _renamed(request, path_of), back

    def _path(self, name: str) -> str:
        if is_hash(name):
            return str(self._sources.path(name))
        there = self._folder / Path(name).expanduser()
        return str(there) if there.exists() else name


def taken_back(take: Mapping[str, Any], back: Mapping[str, str]) -> dict[str, Any]:
    """The engine's take object, its request with the names that the session has for its sources."""
    return {**take, "request": _renamed(take["request"], lambda path: back.get(path, path))}


def _renamed(request: Mapping[str, Any], name: Callable[[str], str]) -> dict[str, Any]:
    changed = {field: _each(request[field], name) for field in PATHS if request.get(field)}
    return {**request, **changed}


def _each(value: Any, name: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return name(value)
    if isinstance(value, Mapping):
        return {key: _each(entry, name) if key == "path" else entry for key, entry in value.items()}
    return [_each(entry, name) for entry in value] if isinstance(value, list | tuple) else value
