"""One declaration a field: what it may hold, in which unit, and what it is for.

Validation, messages, command line flags, panes and the API's description are all made from these declarations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Self

from engine import readers
from engine.errors import InvalidRequest

Reader = Callable[[object], object]

KINDS = {
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "tuple[str, ...]": "strs",
    "tuple[int, ...]": "ints",
    "tuple[float, ...]": "floats",
    "tuple[Adapter, ...]": "adapters",
    "tuple[tuple[str, float], ...]": "params",
}
"""Annotation of a field to its kind: a plural is a list of the singular, ``params`` a table of names and numbers."""

_NOUNS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_UNSET_WORDS = ("", "auto", "none")


def spec(
    default: object,
    *,
    group: str,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
    wants: str = "",
    read: Reader | None = None,
) -> Any:
    """Declares a dataclass field: its default, its range or choices, and what people are told about it.

    ``wants`` says in words what is allowed, where range and choices do not; ``read`` replaces the reader of the kind.
    """
    facts = {
        "group": group,
        "help": help,
        "low": low,
        "high": high,
        "choices": choices,
        "unit": unit,
        "wants": wants,
        "read": read,
    }
    return dataclasses.field(default=default, metadata=facts)


@dataclass(frozen=True)
class Field:
    """A field of a request. ``low`` and ``high`` are inclusive; in lists they hold for every entry."""

    name: str
    kind: str
    optional: bool
    default: Any
    group: str
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    unit: str
    wants: str
    read: Reader | None

    @classmethod
    def of(cls, declared: dataclasses.Field[Any]) -> Self:
        """The field that ``spec`` declared on a dataclass; None is allowed where its annotation says so."""
        annotation, _, rest = str(declared.type).partition(" | ")
        kind = KINDS[annotation]
        return cls(declared.name, kind, rest == "None", declared.default, **declared.metadata)

    @property
    def many(self) -> bool:
        """Whether it holds several values, so that a flag may be repeated."""
        return self.kind in ("strs", "ints", "floats", "adapters")

    def clean(self, value: object) -> Any:
        """``value`` in its stored form; None gives the default. Raises InvalidRequest and nothing else."""
        if value is None:
            return self.default
        try:
            return self._read(value)
        except ValueError as reason:
            raise self.refusal(value, str(reason)) from None

    def parse(self, written: str) -> Any:
        """The stored form of what a person typed: a flag's argument or a pane's entry. Raises InvalidRequest."""
        word = written.strip().lower()
        if self.optional and word in _UNSET_WORDS:
            return None
        if self.kind == "bool":
            return self.clean(_WORDS.get(word, written))
        return self.clean(readers.literal(written) if self.kind in ("int", "float") else written)

    def dump(self, value: Any) -> Any:
        """The JSON form of a stored value."""
        if self.kind == "params":
            return dict(value)
        if self.kind == "adapters":
            return [adapter.to_dict() for adapter in value]
        return list(value) if isinstance(value, tuple) else value

    def refusal(self, value: object, reason: str = "") -> InvalidRequest:
        """The error for a value that this field cannot hold."""
        return InvalidRequest(
            f"{self.name} cannot be {shown(value)}: {reason or self.allowed}.", self._hint(value), field=self.name
        )

    @property
    def allowed(self) -> str:
        """What the field may hold, in words."""
        if self.wants:
            return self.wants
        if self.choices:
            return f"it must be one of {', '.join(self.choices)}"
        if self.many:
            return f"it must be a list of {_NOUNS[self.kind[:-1]].removeprefix('a ')}s{self._range}"
        return f"it must be {_NOUNS[self.kind]}{self._range}"

    @property
    def _range(self) -> str:
        if self.low is not None and self.high is not None:
            return f" from {plain(self.low)} to {self._counted(self.high)}"
        if self.low is not None:
            return f" of at least {self._counted(self.low)}"
        return f" of at most {self._counted(self.high)}" if self.high is not None else ""

    def _counted(self, number: float) -> str:
        """With the unit, of which there is one or several: "1 take", "8 takes", "2 GB"."""
        return f"{plain(number)} {self.unit.removesuffix('s') if number == 1 else self.unit}".rstrip()

    def _hint(self, value: object) -> str:
        if (
            isinstance(value, str)
            and not self.many
            and (near := get_close_matches(value[:60].lower(), self.choices, n=1))
        ):
            return f"Did you mean '{near[0]}'?"
        if isinstance(value, str) and self.kind == "str" and not self.choices and not self.wants:
            return "Type it again as plain text."
        if self.optional:
            return "Leave it out to have it chosen for you."
        if self.default in ("", ()):
            return "Leave it out if you do not need it."
        return f"Left out, it is {str(self.default).lower() if self.kind == 'bool' else plain(self.default)}."

    def _read(self, value: object) -> object:
        if self.read is not None:
            return self.read(value)
        if self.choices:
            return self._chosen(value)
        if self.kind == "str":
            return readers.text(value)
        if self.kind == "bool":
            return readers.flag(value)
        read_number = readers.whole if self.kind.startswith("int") else readers.number
        if self.many:
            return tuple(read_number(entry, self.low, self.high) for entry in readers.listed(value))
        return read_number(value, self.low, self.high)

    def _chosen(self, value: object) -> str:
        word = readers.text(value).strip().lower()
        if word not in self.choices:
            raise ValueError
        return word


def plain(value: object) -> str:
    """A number as people write it: 8.0 is 8."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def shown(value: object) -> str:
    """Any value as a few words for a message, however large, deep or odd it is."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"{value[:57]!r}..."
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 128:
        return "so large a number"
    if isinstance(value, int | float):
        return plain(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_shown_inside(entry) for entry in value[:6])}{', ...' if len(value) > 6 else ''}]"
    return {dict: "a table", type(None): "nothing"}.get(type(value), f"of type {type(value).__name__}")


def _shown_inside(entry: object) -> str:
    """Lists inside lists are not opened: junk may be nested without end."""
    return "[...]" if isinstance(entry, list | tuple) else shown(entry)
