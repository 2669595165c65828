"""Adapters that are named on the command line: looked for before anything is started, and brought into a session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.adapters.reading import PEFT_CONFIG, adapters_folder, find_adapter, installed
from sessions.sources import content_hash, is_hash


def check_adapters(adapters: Sequence[dict[str, Any]]) -> None:
    """Raises NoAdapter for one that is not there; what is in it the engine looks at."""
    for adapter in adapters:
        find_adapter(adapter["path"], adapters_folder())


def kept_by_content(adapters: Sequence[dict[str, Any]], folder: Path) -> tuple[list[dict[str, Any]], list[Path]]:
    """The adapters for the session in ``folder``, with hashes in place of files, and the files that belong there.

    Names and hashes stay, and what lies in the session's own folder. An adapter of PEFT's is more than one file, so it
    stays where it is and has its whole path. Raises NoAdapter.
    """
    changed, files = [], []
    for adapter in adapters:
        name = adapter["path"]
        here = Path(name).expanduser()
        if is_hash(name) or name in installed(adapters_folder()) or (not here.exists() and (folder / name).exists()):
            changed.append(adapter)
            continue
        found = find_adapter(name, adapters_folder())
        if found.is_file() and not found.with_name(PEFT_CONFIG).is_file():
            files.append(found)
            changed.append({**adapter, "path": content_hash(found)})
        else:
            changed.append({**adapter, "path": str(found.absolute())})
    return changed, files
