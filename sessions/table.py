"""A table of settings: a frozen dataclass whose fields are declared as a request's are (``engine.fields``)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from engine.fields import Field


@dataclass(frozen=True, kw_only=True)
class Table:
    """What the tables share: a value that is outside its range raises InvalidRequest, None gives the default."""

    def __post_init__(self) -> None:
        """Brings every field to its stored form."""
        for name, field in self.fields().items():
            object.__setattr__(self, name, field.clean(getattr(self, name)))

    @classmethod
    def fields(cls) -> Mapping[str, Field]:
        """Every field of the table, in its order."""
        return MappingProxyType({declared.name: Field.of(declared) for declared in dataclasses.fields(cls)})

    def to_dict(self) -> dict[str, Any]:
        """The values that are not the defaults; ``from_dict`` gives the same table back."""
        values = {name: (getattr(self, name), field.default) for name, field in self.fields().items()}
        return {name: value for name, (value, default) in values.items() if value != default}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The table with these values, whose names are known to be its own."""
        return cls(**raw)
