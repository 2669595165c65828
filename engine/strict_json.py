"""From a line of JSON to a frozen dataclass, strictly: every field there, none unknown, each of its declared type.

The declared types are those that messages need: text, numbers, booleans, ``X | None``, ``tuple[X, ...]``,
``dict[str, X]`` and other dataclasses.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from reprlib import repr as brief
from typing import Any, TypeVar

__all__ = ["Mismatch", "brief", "build", "parse_object"]

T = TypeVar("T")


class Mismatch(Exception):
    """What is wrong with a line, as the end of a sentence."""


def parse_object(line: bytes | str) -> dict[str, Any]:
    """The JSON object on ``line``. NaN, infinities and numbers that would become one are refused."""
    try:
        text = line.decode("utf-8") if isinstance(line, bytes) else line
        raw = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as cause:
        raise Mismatch(f"it is not JSON in UTF-8 ({cause})") from cause
    if not isinstance(raw, dict):
        raise Mismatch("it is not a JSON object")
    return raw


def build(kind: type[T], raw: Mapping[str, Any]) -> T:
    """An instance of the dataclass ``kind`` from the entries of ``raw``; Mismatch says what does not fit."""
    expected = _field_types(kind)
    unknown = sorted(raw.keys() - expected.keys())
    if unknown:
        raise Mismatch(f"it has no field {brief(unknown[0])}")
    missing = sorted(_required(kind) - raw.keys())
    if missing:
        raise Mismatch(f"the field '{missing[0]}' is missing")
    return kind(**{name: _value(name, expected[name], value) for name, value in raw.items()})


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.60} is too large a number")
    return number


def _field_types(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}


def _required(kind: type) -> frozenset[str]:
    return frozenset(f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)


def _value(name: str, expected: Any, value: Any) -> Any:
    """``value`` as the type ``expected``; whole numbers are good floats, booleans are not numbers."""
    if isinstance(expected, types.UnionType):
        return None if value is None else _value(name, typing.get_args(expected)[0], value)
    if is_dataclass(expected) and isinstance(value, dict):
        return build(typing.cast(type, expected), value)
    origin = typing.get_origin(expected)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(name, typing.get_args(expected)[0], item) for item in value)
    if origin is dict and isinstance(value, dict):
        inner = typing.get_args(expected)[1]
        return value if inner is Any else {key: _value(name, inner, item) for key, item in value.items()}
    if expected is float and type(value) is int:
        return _as_float(name, value)
    if isinstance(expected, type) and type(value) is expected:
        return value
    raise Mismatch(f"'{name}' is {brief(value)}, which is not {_describe(expected)}")


def _as_float(name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Mismatch(f"'{name}' is too large a number") from None


def _describe(expected: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(expected, "a list" if typing.get_origin(expected) is tuple else "an object")
