"""The values of a recipe as people type and read them: ``2:04`` for 124 seconds, ``Am`` for A minor, ``on`` for true.

A field that is not set is None here, and nothing when typed: it is then what it would be anyway. Keys of the tables
beside the recipe have their table before them, such as ``models.dit``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from acetui.recipe import grid_text
from acetui.recipe.grid_text import GRID_FIELD
from engine.errors import InvalidRequest
from engine.fields import Field, plain
from engine.request import FIELDS
from engine.values import LANGUAGES, TIME_SIGNATURES
from sessions.settings import BESIDE, GRID, holds_choices

_UNSET_WORDS = ("", "default")
_SECONDS = ("duration", "repainting_start", "repainting_end", "crop_start", "crop_end")
_PATHS = "more_reference_audio"
"""Names of files may hold commas: these have bars between them."""

_CLOCK = re.compile(r"(-?)([0-9]{1,3}):([0-5]?[0-9](?:\.[0-9]+)?)")
_UNITS = re.compile(r"(-?)(?:([0-9]+(?:\.[0-9]+)?) ?m(?:in)? ?)?(?:([0-9]+(?:\.[0-9]+)?) ?s(?:ec)?)?")
_PAIR = re.compile(r"([^\s=,\[\]{}\"](?:[^=,\[\]{}\"]*[^\s=,\[\]{}\"])?)")


def place_of(name: str) -> tuple[str, str]:
    """Table and key of a field: ``bpm`` is at home in the recipe."""
    table, _, key = name.rpartition(".")
    return table or "recipe", key


@lru_cache(maxsize=512)
def field_of(name: str) -> Field:
    """The declaration behind a name; raises KeyError where there is none."""
    table, key = place_of(name)
    if name == GRID:
        return GRID_FIELD
    return FIELDS[key] if table == "recipe" else BESIDE[table].fields()[key]


def default_of(name: str) -> Any:
    """What a field is where nothing is set, in JSON form."""
    field = field_of(name)
    return field.dump(field.default)


def is_text(name: str) -> bool:
    """Whether a field is free text, such as caption and lyrics: every blank in it is meant."""
    return holds_choices(field_of(name))


def parsed(name: str, text: str) -> Any:
    """The value, in JSON form, of what was typed; None where it is what it would be anyway. Raises InvalidRequest."""
    field = field_of(name)
    if not text:
        return None
    if not holds_choices(field) and text.strip().lower() in _UNSET_WORDS:
        return None
    stored = _stored(name, text)
    return None if stored == default_of(name) else stored


def _stored(name: str, text: str) -> Any:
    """The value, in JSON form, of what was typed, also where it is the default. Raises InvalidRequest."""
    field = field_of(name)
    if holds_choices(field):
        value = field.clean(text)
    else:
        read = _READERS.get(name, _READERS_OF_KIND.get(field.kind))
        value = field.parse(text.strip()) if read is None else field.clean(read(text.strip(), field))
    return field.dump(value)


def written(name: str, value: Any) -> str:
    """What a person would type for a value in JSON form; ``parsed`` gives the value back. Nothing for None."""
    if value is None:
        return ""
    field = field_of(name)
    if name == GRID:
        return grid_text.written(value, written)
    if isinstance(value, bool):
        return "on" if value else "off"
    if field.kind == "adapters":
        return _joined({each["path"]: each["scale"] for each in value}, value)
    if field.kind == "params":
        return _joined(value, value)
    if name == _PATHS:
        plainly = all(each == each.strip() and "|" not in each and each[0] != "[" for each in value)
        return " | ".join(value) if plainly else json.dumps(value, ensure_ascii=False)
    if field.many:
        return ", ".join(plain(each) for each in value)
    if name in _SECONDS:
        return clock(value)
    if name.endswith("timesignature"):
        return TIME_SIGNATURES.get(str(value), str(value))
    return plain(value)


def shown(name: str, value: Any) -> str:
    """A value as it is read in a form; what is not set says who decides, or what it is then."""
    field = field_of(name)
    if value is None and field.optional:
        return "auto"
    value = default_of(name) if value is None else value
    if name.endswith("vocal_language"):
        return LANGUAGES.get(value, str(value))
    if name == "seed" and value == -1:
        return "random"
    if value in ("", [], {}, None):
        return "none"
    return " ".join(written(name, value).split())


def clock(seconds: float) -> str:
    """Seconds as 2:04 from a minute on; below it, and where they are not whole, as a number."""
    if abs(seconds) < 60 or seconds != int(seconds):
        return plain(seconds)
    minutes, rest = divmod(int(abs(seconds)), 60)
    return f"{'-' if seconds < 0 else ''}{minutes}:{rest:02}"


def _seconds(text: str, field: Field) -> Any:
    """2:04, 2m04s, 90 s, or plain seconds; anything else is left to the field, which refuses it."""
    if text.lower() == "auto" and field.optional:
        return None
    if match := _CLOCK.fullmatch(text):
        sign, minutes, seconds = match.groups()
        total = int(minutes) * 60 + float(seconds)
    elif (match := _UNITS.fullmatch(text.lower())) and (match[2] or match[3]):
        sign, total = match[1], float(match[2] or 0) * 60 + float(match[3] or 0)
    else:
        return field.dump(field.parse(text))
    return -total if sign else total


def _adapters(text: str, field: Field) -> Any:
    named = _pairs(text, field, 1.0)
    return [{"path": name, "scale": scale} for name, scale in named.items()] if isinstance(named, dict) else named


def _params(text: str, field: Field) -> Any:
    return _pairs(text, field, None)


def _pairs(text: str, field: Field, scale: float | None) -> Any:
    """``name=0.5, other`` as a table; a text that begins like JSON is read as that."""
    if text[:1] in "[{":
        return _json(text, field)
    found: dict[str, float] = {}
    for part in text.split(","):
        name, given, number = (word.strip() for word in part.partition("="))
        try:
            found[name] = float(number) if given or scale is None else scale
        except ValueError:
            raise field.refusal(text, f"'{part.strip()[:40]}' is no name with a number, as in name=0.5") from None
    return found


def _joined(table: Mapping[str, float], value: Any) -> str:
    """Names and numbers as they are typed; as JSON where a name would be misread that way, or comes twice."""
    if len(table) == len(value) and all(_PAIR.fullmatch(name) for name in table):
        return ", ".join(f"{name}={plain(number)}" for name, number in table.items())
    return json.dumps(value, ensure_ascii=False)


def _paths(text: str, field: Field) -> Any:
    return _json(text, field) if text[:1] == "[" else [name.strip() for name in text.split("|")]


def _json(text: str, field: Field) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise field.refusal(text) from None


def _grid(text: str, field: Field) -> Any:
    return grid_text.read(text, _stored)


def _as_typed(text: str, field: Field) -> Any:
    """The planner's name: "none" is one, and means that there shall be none."""
    return text


_READERS: Mapping[str, Callable[[str, Field], Any]] = {
    **dict.fromkeys(_SECONDS, _seconds),
    _PATHS: _paths,
    GRID: _grid,
    "models.lm": _as_typed,
}
_READERS_OF_KIND: Mapping[str, Callable[[str, Field], Any]] = {"adapters": _adapters, "params": _params}


def why_not(name: str, text: str) -> InvalidRequest | None:
    """What is wrong with what was typed, if anything: for a form that says so while it is typed."""
    try:
        parsed(name, text)
    except InvalidRequest as error:
        return error
    return None
