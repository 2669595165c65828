"""Recipes of other programs: the reference implementation's TOML and JSON, and acestep.cpp's request JSON.

Most of their names are the published ones. Nothing is dropped in silence: what is not known, has no counterpart or is
out of range is named in a notice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import InvalidRequest
from engine.fields import shown
from engine.request import FIELDS
from sessions import acestep_cpp, wildcards
from sessions.errors import BadSessionFile, BadSetting
from sessions.recipe import LARGEST
from sessions.settings import Recipe, holds_choices
from sessions.toml_text import decode, load

REFERENCE = "the reference implementation"
ACESTEP_CPP = "acestep.cpp"

_DEEPEST = 3
"""Tables inside tables that are looked into: saved settings wrap their fields in "params", "config" and the like."""


@dataclass(frozen=True)
class Imported:
    """What was made of a foreign file: a recipe, whose settings they were, and what people should know about it."""

    recipe: Recipe
    source: str
    notices: tuple[str, ...]


def import_file(path: Path) -> Imported:
    """The recipe in a TOML or JSON file of another program; raises InvalidRequest where it is neither."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as cause:
        raise InvalidRequest(f"'{path}' cannot be read: {cause.strerror}.", "Check its name.") from None
    return import_bytes(data, path.name)


def import_bytes(data: bytes, name: str) -> Imported:
    """The same for the bytes of a file called ``name``, which is read as TOML if it ends so, else as JSON."""
    if len(data) > LARGEST:
        raise InvalidRequest(f"'{name}' has more than {LARGEST} bytes.", "Choose a file with the settings of a song.")
    text = decode(data, name).removeprefix("\ufeff")
    if name.lower().endswith(".toml"):
        return import_table(load(text, name))
    try:
        table = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as cause:
        raise BadSessionFile(
            f"it is not JSON: {cause.msg}.", "Mend that line.", line=cause.lineno, column=cause.colno, file=name
        ) from None
    except (ValueError, RecursionError):
        raise InvalidRequest(f"'{name}' holds a value that is no number or too large to read.", "Mend it.") from None
    return import_table(table)


def import_table(table: object) -> Imported:
    """The same for what such a file holds. Of a list of requests the first is taken, and a notice says so."""
    notices: list[str] = []
    if isinstance(table, list) and table:
        if len(table) > 1:
            notices.append(f"Only the first of {len(table)} recipes was read.")
        table = table[0]
    if not isinstance(table, Mapping):
        raise InvalidRequest("There are no settings in this file.", "A file with names and values is wanted.")
    raw: dict[str, Any] = {}
    for path, value in _leaves(table, ()):
        # By its own name where that is known, else by the whole way to it, so that the notice can be understood.
        name = path[-1] if path[-1] in FIELDS or path[-1] in acestep_cpp.OWN else ".".join(path)
        if name in raw:
            notices.append(f"{'.'.join(path)} is left out: {name} is given twice.")
        raw.setdefault(name, value)
    source = ACESTEP_CPP if raw.keys() & acestep_cpp.OWN.keys() else REFERENCE
    fields = acestep_cpp.translate(raw, notices) if source == ACESTEP_CPP else raw
    known = {name: value for name, value in fields.items() if _is_known(name, value, notices)}
    return Imported(_recipe(known, notices), source, tuple(notices))


def _leaves(table: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Names and values, those of the outermost table first. None says nothing and is passed over."""
    inner = []
    for key, value in table.items():
        name = str(key)
        if isinstance(value, Mapping) and name not in FIELDS and len(path) < _DEEPEST:
            inner.append((name, value))
        elif value is not None:
            yield (*path, name), value
    for name, value in inner:
        yield from _leaves(value, (*path, name))


def _is_known(name: str, value: object, notices: list[str]) -> bool:
    if name not in FIELDS:
        notices.append(f"{shown(name)} is left out: it is not known here (it was {shown(value)}).")
    return name in FIELDS


def _recipe(fields: Mapping[str, Any], notices: list[str]) -> Recipe:
    """The recipe of the fields that can be rendered, alone and together."""
    good = {}
    for name, value in fields.items():
        try:
            good[name] = _cleaned(name, value)
        except InvalidRequest as error:
            notices.append(f"{name} is left out: {error.error}")
    while True:
        try:
            return Recipe.from_dict(good)
        except BadSetting as error:
            name = error.path[-1]
            if name not in good:
                raise
            del good[name]
            notices.append(f"{name} is left out: {error.error}")


def _cleaned(name: str, value: Any) -> Any:
    """A value in JSON form. Forms send numbers as text, and their braces mean nothing."""
    field = FIELDS[name]
    if isinstance(value, str) and field.kind in ("int", "float", "bool"):
        return field.dump(field.parse(value))
    cleaned = field.dump(field.clean(value))
    return wildcards.escape(cleaned) if holds_choices(field) else cleaned


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
