"""Grids: every combination of some fields' values, for comparing them on the same seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from engine.errors import InvalidRequest
from engine.fields import Field, shown
from engine.request import FIELDS
from sessions.errors import BadSetting
from sessions.names import check_names

MOST_CELLS = 500
"""Every cell is checked when a recipe is read; more is a misunderstanding rather than a comparison."""

_PATH = ("recipe", "grid")


@dataclass(frozen=True)
class Grid:
    """Fields and the values that each takes, in JSON form. A grid without axes has one cell, which changes nothing."""

    axes: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    @classmethod
    def from_dict(cls, raw: object) -> Grid:
        """The grid that a table of names and lists describes; raises BadSetting for anything else."""
        if not isinstance(raw, Mapping):
            raise BadSetting(f"grid cannot be {shown(raw)}: it must be a table.", "Write bpm = [90, 100] in it.", _PATH)
        check_names(raw, FIELDS, _PATH)
        grid = cls(tuple((name, _values(name, values)) for name, values in raw.items()))
        if grid.size > MOST_CELLS:
            sentence = f"grid has {grid.size} combinations, and {MOST_CELLS} is the most."
            raise BadSetting(sentence, "Take out a field or some values.", _PATH)
        return grid

    def to_dict(self) -> dict[str, list[Any]]:
        """The table; ``from_dict`` gives the same grid back."""
        return {name: list(values) for name, values in self.axes}

    @property
    def size(self) -> int:
        """The number of cells."""
        return prod(len(values) for _, values in self.axes)

    def cell(self, index: int) -> dict[str, Any]:
        """The fields of one cell, the last axis changing fastest. Indices beyond the last begin again."""
        fields = {}
        for name, values in reversed(self.axes):
            index, position = divmod(index, len(values))
            fields[name] = values[position]
        return dict(reversed(fields.items()))

    def cells(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Every cell once, with its index."""
        return ((self.cell(index), index) for index in range(self.size))


def _values(name: str, values: object) -> tuple[Any, ...]:
    """The axis of one field, each of its values checked as that field is."""
    field, path = FIELDS[name], (*_PATH, name)
    if not isinstance(values, list | tuple) or not values:
        sentence = f"{name} in the grid cannot be {shown(values)}: it must be a list of at least one value."
        raise BadSetting(sentence, f"A single value belongs under [recipe], as {name} = ...", path)
    try:
        return tuple(_value(field, value) for value in values)
    except InvalidRequest as error:
        raise BadSetting(error.error, error.hint, path) from None


def _value(field: Field, value: object) -> Any:
    """A value in JSON form. What means "choose for me" (no text, a length of 0) stays as written: TOML has no null."""
    if value is None:
        raise field.refusal(value, "in a grid every value is given")
    stored = field.dump(field.clean(value))
    return value if stored is None else stored
