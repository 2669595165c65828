"""The JSON of a take: its versions, the way from older ones to today's, and what every value may be."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.strict_json import Mismatch, brief, parse_object

if TYPE_CHECKING:
    from sessions.take import Take

TAKE_FORMAT = 1
"""The version that is written. A file without one is of version 0."""

_LARGEST = 2**53
"""Whole numbers below this are the same in every program that reads JSON."""

_FILE = re.compile(r"(takes|latents)/[^./\\\0][^/\\\0]*\.[A-Za-z0-9]+")
_STORED = ("whole", "latents only", "missing audio")


class BrokenTake(EngineError):
    """What should be a take and is not. ``reason`` says why, as a part of a sentence."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(f"{reason}.", "Compare it with the JSON of another take.", field=field)
        self.reason = reason


class NewerTake(EngineError):
    """A take that a newer version of the program has written; its file is left as it is."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"The take has the format {version}; this program knows formats up to {TAKE_FORMAT}.",
            "Update acetui to see this take; nothing in it was changed.",
        )
        self.version = version


def read_fields(content: bytes | str, known: Collection[str]) -> dict[str, Any]:
    """The fields of a take from its file; names that are not ``known`` go to ``extra``. See ``Take.from_json``."""
    try:
        raw = parse_object(content)
    except Mismatch as mismatch:
        raise BrokenTake(f"The take cannot be read: {mismatch}") from None
    version = raw.pop("format", 0)
    if type(version) is not int or version < 0:
        raise BrokenTake(f"The take has the format {brief(version)}, which is none")
    if version > TAKE_FORMAT:
        raise NewerTake(version)
    for old in range(version, TAKE_FORMAT):
        MIGRATIONS[old](raw)
    fields = {name: value for name, value in raw.items() if name in known and name != "extra"}
    missing = [name for name in ("id", "number", "name", "seed", "duration", "request", "files") if name not in fields]
    if missing:
        raise BrokenTake(f"The take lacks {', '.join(missing)}")
    for name in ("faults", "tags"):
        if isinstance(fields.get(name), list):
            fields[name] = tuple(fields[name])
    fields["extra"] = {name: value for name, value in raw.items() if name not in fields}
    return fields


def write_fields(fields: dict[str, Any]) -> bytes:
    """JSON with one field a line: a person finds a verdict in it, and a change of one is a change of one line."""
    extra = fields.pop("extra")
    content = {"format": TAKE_FORMAT, **fields, **extra}
    try:
        return _lines(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character, as a terminal may hand over: written as an escape
        return _lines(content, ensure_ascii=True).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as cause:
        raise BrokenTake(f"The take has a value that JSON cannot carry: {cause}") from None


def _lines(content: Mapping[str, Any], *, ensure_ascii: bool) -> str:
    encoder = json.JSONEncoder(ensure_ascii=ensure_ascii, allow_nan=False)
    lines = (f"  {encoder.encode(name)}: {encoder.encode(value)}" for name, value in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def check(take: Take) -> None:
    """Raises BrokenTake for the first value that is not what its field holds."""
    for name, (fits, words) in _CHECKS.items():
        value = getattr(take, name)
        if not fits(value):
            raise BrokenTake(f"{name} is {brief(value)}, which is not {words}", field=name)
    if not take.files.get("audio", "").startswith("takes/"):
        raise BrokenTake("The take names no audio file in takes/", field="files")
    if clash := sorted(name for name in take.extra if name == "format" or (name in _CHECKS and name != "extra")):
        raise BrokenTake(f"'{clash[0]}' is a field of its own, not an extra one", field="extra")
    if take.rejected and (take.liked or take.pinned):
        raise BrokenTake("The take is rejected and liked or pinned at once", field="rejected")


def _text(value: Any) -> bool:
    return type(value) is str


def _flag(value: Any) -> bool:
    return type(value) is bool


def _whole(value: Any) -> bool:
    return type(value) is int and -_LARGEST < value < _LARGEST


def _number(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or _whole(value)


def _texts(value: Any) -> bool:
    return type(value) is tuple and all(type(item) is str for item in value)


def _table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(type(key) is str for key in value)


def _of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: _table(value) and all(fits(item) for item in value.values())


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda value: _text(value) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) is not None, "an id"),
    "number": (lambda value: _whole(value) and value > 0, "a number from 1"),
    "seed": (_whole, "a whole number"),
    "duration": (lambda value: _number(value) and value >= 0, "a number of seconds"),
    "rating": (lambda value: value is None or (_whole(value) and 0 <= value <= 5), "a rating from 0 to 5"),
    "stored": (lambda value: value in _STORED, f"one of {', '.join(_STORED)}"),
    "files": (
        lambda value: _table(value) and all(_text(file) and _FILE.fullmatch(file) for file in value.values()),
        "a table of names in takes/ and latents/",
    ),
    **dict.fromkeys(("name", "created", "note", "operation"), (_text, "text")),
    **dict.fromkeys(("parent", "codes", "batch"), (_or_none(_text), "text")),
    **dict.fromkeys(("score", "gain", "loudness"), (_or_none(_number), "a number")),
    **dict.fromkeys(("revision",), (_or_none(_whole), "a whole number")),
    **dict.fromkeys(("heard", "pinned", "liked", "rejected", "trashed"), (_flag, "true or false")),
    **dict.fromkeys(("faults", "tags"), (_texts, "a list of texts")),
    **dict.fromkeys(("parts", "timings"), (_of(_number), "a table of numbers")),
    **dict.fromkeys(("hashes",), (_of(_text), "a table of texts")),
    **dict.fromkeys(("layout",), (_of(_whole), "a table of whole numbers")),
    **dict.fromkeys(("request", "identity", "measured", "extra"), (_table, "a table")),
    **dict.fromkeys(("plan",), (_or_none(_table), "a table")),
}


def _from_0(raw: dict[str, Any]) -> None:
    """Version 0 is the take object as ``acetui render --json`` prints it: one verdict, and files by any path."""
    verdict = raw.pop("verdict", "unheard")
    for name in ("pinned", "liked", "rejected", "heard"):
        raw[name] = verdict == name
    files = raw.get("files")
    if isinstance(files, dict):
        homes = {"latents": "latents"}
        raw["files"] = {
            kind: f"{homes.get(kind, 'takes')}/{str(path).replace(chr(92), '/').rpartition('/')[2]}"
            for kind, path in files.items()
        }


MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], None]] = {0: _from_0}
"""From each older version to the next one, in place."""
