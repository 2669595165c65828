"""Filters that a person has saved under a name: ``filters.toml`` beside their keys, for every session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from acetui.own_files import TomlFile
from engine.errors import EngineError
from sessions.query_parser import parse
from sessions.whole_files import write_whole

FILE = "filters.toml"


def saved(folder: Path) -> dict[str, str]:
    """The filters by their names. Raises InvalidRequest where the file cannot be read or holds something else."""
    file = TomlFile.read(folder / FILE)
    for name, filter in file.tables.items():
        if not isinstance(filter, str):
            raise file.refusal(f"'{name}' is no filter.", 'Write for example best = "score>=0.8".', name)
    return dict(file.tables)


def save(folder: Path, name: str, filter: str) -> None:
    """Keeps ``filter`` as ``name``; an empty one takes the name away. Raises EngineError."""
    parse(filter)
    filters = {**saved(folder), name: filter}
    kept = {each: text for each, text in filters.items() if text.strip()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FILE, _written(kept).encode("utf-8"), overwrite=True)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise EngineError(f"{folder / FILE} cannot be written ({reason}).", "Check your rights.") from cause


def _written(filters: Mapping[str, str]) -> str:
    """As TOML, whose plain texts are written as those of JSON are."""
    return "".join(f"{_quoted(name)} = {_quoted(text)}\n" for name, text in filters.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
