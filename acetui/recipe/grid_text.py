"""A grid as people type it: ``bpm = 90, 100; shift = 1, 3``. Values that would be misread that way are JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.fields import Field
from engine.request import FIELDS
from sessions.grids import Grid
from sessions.settings import GRID

_AXIS = re.compile(r"\s*([a-z_]+)\s*=(.*)", re.S)
_PLAIN = re.compile(r"[^\s,;={}\[\]\"]([^,;={}\[\]\"]*[^\s,;={}\[\]\"])?")

_WANTS = "it is written as 'bpm = 90, 100; shift = 1, 3'"


def _cleaned(value: object) -> dict[str, Any]:
    return Grid.from_dict(value).to_dict()


GRID_FIELD = Field(
    name=GRID,
    kind=GRID,
    optional=False,
    default={},
    group="seeds",
    help="Every combination of some fields' values, with the same seeds, as in bpm = 90, 100; shift = 1, 3.",
    low=None,
    high=None,
    choices=(),
    unit="",
    wants=_WANTS,
    read=_cleaned,
)
"""The grid declared as the fields of a request are, which it is not: it says which of them take several values."""


def read(text: str, value_of: Callable[[str, str], Any]) -> dict[str, list[Any]]:
    """The grid that was typed; ``value_of`` reads what is typed for one field. Raises InvalidRequest."""
    if text[:1] == "{":
        try:
            return _cleaned(json.loads(text))
        except ValueError:
            raise GRID_FIELD.refusal(text) from None
    found: dict[str, list[Any]] = {}
    for axis in filter(str.strip, text.split(";")):
        match = _AXIS.fullmatch(axis)
        if match is None:
            raise GRID_FIELD.refusal(text)
        name, values = match[1], [each.strip() for each in match[2].split(",") if each.strip()]
        found[name] = [value_of(name, each) for each in values] if name in FIELDS else values
    return _cleaned(found)


def written(grid: Mapping[str, Sequence[Any]], text_of: Callable[[str, Any], str]) -> str:
    """What a person would type for a grid; ``text_of`` is that for a value of one field."""
    axes = {name: [text_of(name, value) for value in values] for name, values in grid.items()}
    lists = any(isinstance(value, list | dict) for values in grid.values() for value in values)
    if lists or not all(_PLAIN.fullmatch(text) for texts in axes.values() for text in texts):
        return json.dumps(grid, ensure_ascii=False)
    return "; ".join(f"{name} = {', '.join(texts)}" for name, texts in axes.items())
