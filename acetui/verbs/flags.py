"""A flag for every field of a recipe, made from the field table; and the recipe that the given flags spell."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from engine import InvalidRequest
from engine.fields import Field, plain
from engine.request import FIELDS

ALIASES = {"batch_size": "--batch", "seeds": "--seed", "task_type": "--task", "src_audio": "--source"}
"""Short names beside the published ones."""

WITHOUT_FLAG = ("seed", "audio_format")
"""--seed takes several, so it stands for ``seeds``; --format has more formats than the published field."""

_METAVARS = {"int": "N", "ints": "N", "float": "X", "floats": "X", "params": "NAME=X"}
_PREFIX = "field:"


def add_recipe_flags(parser: argparse.ArgumentParser, names: Collection[str] = tuple(FIELDS)) -> None:
    """Adds the flags of fields in the table's groups. Flags that are not given leave no trace in the namespace."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in FIELDS.values():
        if field.name in WITHOUT_FLAG or field.name not in names:
            continue
        if field.group not in groups:
            groups[field.group] = parser.add_argument_group(f"recipe: {field.group}")
        _add_flag(groups[field.group], field)
        if field.name == "lyrics":
            groups[field.group].add_argument("--lyrics-file", metavar="FILE", help="Lyrics from a text file")


def recipe_from_flags(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags ask for, by published name; raises InvalidRequest naming the field."""
    given = {name.removeprefix(_PREFIX): value for name, value in vars(args).items() if name.startswith(_PREFIX)}
    recipe = {name: _value(FIELDS[name], value) for name, value in given.items()}
    if lyrics_file := getattr(args, "lyrics_file", None):
        if "lyrics" in recipe:
            raise InvalidRequest("--lyrics and --lyrics-file were both given.", "Give one of them.", field="lyrics")
        recipe["lyrics"] = read_text(lyrics_file)
    return recipe


def read_text(path: str) -> str:
    """The text of a UTF-8 file; raises InvalidRequest where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else "it is not text in UTF-8"
        raise InvalidRequest(f"'{path}' cannot be read: {reason}.", "Check the file's name.", field="lyrics") from None


def _add_flag(group: argparse._ArgumentGroup, field: Field) -> None:
    names = [f"--{field.name.replace('_', '-')}"]
    if field.name in ALIASES:
        names.insert(0, ALIASES[field.name])
    common: dict[str, Any] = {"dest": _PREFIX + field.name, "default": argparse.SUPPRESS}
    common["help"] = _help(field).replace("%", "%%")
    if field.kind == "bool":
        group.add_argument(*names, action=argparse.BooleanOptionalAction, **common)
    elif field.many or field.kind == "params":
        group.add_argument(*names, action="extend", nargs="+", metavar=_metavar(field), **common)
    else:
        group.add_argument(*names, metavar=_metavar(field), **common)


def _metavar(field: Field) -> str:
    return _METAVARS.get(field.kind, "WORD" if field.choices else "TEXT")


def _help(field: Field) -> str:
    """What the field is for, what it may be, and what it is when left out."""
    allowed = field.allowed.removeprefix("it must be ")
    facts = [] if allowed in ("text", "true or false") else [allowed]
    if field.default not in (None, "", ()):
        facts.append(f"default {str(field.default).lower() if field.kind == 'bool' else plain(field.default)}")
    return f"{field.help.rstrip('.')} ({'; '.join(facts)})" if facts else field.help.rstrip(".")


def _value(field: Field, given: Any) -> Any:
    """What was typed for one field as the request's JSON has it."""
    if field.kind == "bool":
        return given
    if field.kind == "params":
        return dict(_pair(field, word) for word in given)
    if field.many:
        return field.dump(_list(field, given))
    if field.name == "lyrics" and given.startswith("@"):
        given = read_text(given[1:])
    return field.dump(field.parse(given))


def _list(field: Field, words: Sequence[str]) -> Any:
    """Numbers may come as words, as CSV, or both; texts may hold commas of their own once there are several."""
    if field.kind in ("ints", "floats") or len(words) == 1:
        return field.parse(",".join(words))
    return field.clean(list(words))


def _pair(field: Field, word: str) -> tuple[str, float]:
    name, _, number = word.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise InvalidRequest(f"{field.name} cannot be '{word}'.", "Write NAME=NUMBER.", field=field.name) from None
