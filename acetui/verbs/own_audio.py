"""Files that are named on the command line: looked for before anything is started, and brought into a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acetui.verbs.own_adapters import check_adapters, kept_by_content
from engine import InvalidRequest
from sessions.own_sources import AUDIO, named_in
from sessions.sources import Sources, content_hash, is_hash
from sessions.take_names import LATENTS_OF, key_of

FIELDS = (*AUDIO, *LATENTS_OF.values())
"""Fields that name files which music is made of."""


def check_files(request: Mapping[str, Any]) -> None:
    """Raises InvalidRequest for a file that is not there; what is in it the engine looks at."""
    for field in FIELDS:
        for name in named_in(request.get(field)):
            _found(field, name)
    check_adapters(request.get("adapters") or ())


def by_content(recipe: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], list[Path]]:
    """A recipe for the session in ``folder`` with hashes in place of files, and the files: ``bring`` them once it is
    there. Takes, hashes and files of the session's own folder stay. Raises InvalidRequest.
    """
    changed, files = dict(recipe), []

    def name_of(field: str, name: str) -> str:
        here = Path(name).expanduser()
        if key_of(name) is not None or is_hash(name) or (not here.exists() and (folder / name).exists()):
            return name
        _found(field, name)
        files.append(here)
        return content_hash(here)

    for field in FIELDS:
        value = recipe.get(field)
        if isinstance(value, str):
            changed[field] = name_of(field, value)
        elif value:
            changed[field] = [name_of(field, name) for name in named_in(value)]
    if adapters := recipe.get("adapters"):
        changed["adapters"], more = kept_by_content(adapters, folder)
        files += more
    return changed, files


def bring(files: list[Path], folder: Path) -> None:
    """Copies files to the sources of the session in ``folder``, unless they are there."""
    for file in files:
        Sources(folder).add(file)


def _found(field: str, name: str) -> None:
    path = Path(name).expanduser()
    if path.is_dir():
        raise InvalidRequest(f"{name} is a folder.", "Name an audio file in it.", field=field)
    if not path.exists():
        raise InvalidRequest(f"There is no file {name}.", "Check the name and the folder.", field=field)
    if not path.is_file():
        raise InvalidRequest(f"{name} is not an ordinary file.", "Name an audio file.", field=field)
