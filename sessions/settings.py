"""What a session asks for, whole and checked: a recipe and the tables beside it. No files here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from engine.errors import InvalidRequest
from engine.fields import Field, shown
from engine.request import FIELDS, Request
from sessions import wildcards
from sessions.errors import BadSetting
from sessions.grids import Grid
from sessions.names import check_names
from sessions.table import Table
from sessions.tables import LoopSettings, ModelSettings, ScoreSettings

__all__ = ["NO_LIMIT", "TABLES", "LoopSettings", "ModelSettings", "Recipe", "ScoreSettings", "Settings"]

GRID = "grid"

BESIDE: Mapping[str, type[Table]] = MappingProxyType(
    {"loop": LoopSettings, "scores": ScoreSettings, "models": ModelSettings}
)
TABLES = ("recipe", *BESIDE)
"""The tables of session.toml, in their order."""

NO_LIMIT = "Leave it out for no such limit."
"""What to do about a limit of the loop that is none."""

_PATH = ("recipe",)

_SAYING = ("caption", "lyrics", "src_audio", "reference_audio", "audio_codes")
"""Fields of which one at least says what the music should be."""


def holds_choices(field: Field) -> bool:
    """Whether a field is free text, in which ``{a|b}`` is a choice; in paths and words of a list it is not."""
    return field.kind == "str" and not field.choices and field.read is None


@dataclass(frozen=True)
class Recipe:
    """The table [recipe]: published names to values in JSON form, as far as they are not what they would be anyway.

    Texts are templates: they may hold choices (``sessions.wildcards``). ``draw`` makes a request of them.
    """

    template: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    grid: Grid = field(default_factory=Grid)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Recipe:
        """The recipe that a table describes; None is "not given". Raises BadSetting for what cannot be rendered."""
        if not isinstance(raw, Mapping):
            raise BadSetting(f"recipe cannot be {shown(raw)}: it must be a table.", "Write a line '[recipe]'.", _PATH)
        check_names(raw, (*FIELDS, GRID), _PATH, _HOMES)
        fields = {name: _cleaned(name, value) for name, value in raw.items() if name != GRID}
        template = {name: fields[name] for name in FIELDS if fields.get(name, _default(name)) != _default(name)}
        grid = raw.get(GRID)
        recipe = cls(MappingProxyType(template), Grid.from_dict({} if grid is None else grid))
        recipe._check()
        return recipe

    def to_dict(self) -> dict[str, Any]:
        """The table; ``from_dict`` gives the same recipe back."""
        return {**self.template, **({GRID: self.grid.to_dict()} if self.grid.axes else {})}

    def replace(self, **changes: Any) -> Recipe:
        """This recipe with other values; None takes a field out. Raises BadSetting as ``from_dict`` does."""
        return Recipe.from_dict({**self.to_dict(), **changes})

    @property
    def says_nothing(self) -> bool:
        """Whether neither words nor audio say what to make: a model then makes whatever it likes."""
        given = {name: value for name, value in self.template.items() if str(value).strip()}
        return not any(name in given or name in dict(self.grid.axes) for name in _SAYING)

    def draw(self, rng: random.Random, cell: int = 0) -> Request:
        """A request of this recipe: one cell of the grid, with every choice in its texts made by ``rng``."""
        fields = {**self.template, **self.grid.cell(cell)}
        texts = {name: wildcards.expand(value, rng) for name, value in fields.items() if holds_choices(FIELDS[name])}
        return Request.from_dict(fields | texts)

    def _check(self) -> None:
        """Looks at what single values do not show: choices in texts, and fields that depend on each other."""
        for name, value in self.template.items():
            _check_choices(name, [value], (*_PATH, name))
        for name, values in self.grid.axes:
            _check_choices(name, values, (*_PATH, GRID, name))
        _request(self.template, _PATH)
        if self.grid.axes:
            for cell, _ in self.grid.cells():
                _request({**self.template, **cell}, (*_PATH, GRID))


@dataclass(frozen=True)
class Settings:
    """A session.toml: its recipe and the tables beside it. Compare with ``==``; what is equal renders the same."""

    recipe: Recipe = field(default_factory=Recipe)
    loop: LoopSettings = field(default_factory=LoopSettings)
    scores: ScoreSettings = field(default_factory=ScoreSettings)
    models: ModelSettings = field(default_factory=ModelSettings)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Settings:
        """The settings that the tables of ``raw`` describe; raises BadSetting that says which table and key."""
        check_names(raw, TABLES, (), dict.fromkeys(FIELDS, "recipe") | dict(_HOMES))
        tables: dict[str, Any] = {name: _table(name, raw[name]) for name in BESIDE if name in raw}
        return cls(recipe=Recipe.from_dict(raw.get("recipe", {})), **tables)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """What is not as it would be anyway, by table; ``from_dict`` gives the same settings back."""
        tables: dict[str, dict[str, Any]] = {name: getattr(self, name).to_dict() for name in TABLES}
        return {name: table for name, table in tables.items() if table}

    def values(self, table: str) -> dict[str, Any]:
        """Every value of one table, defaults included."""
        if table == "recipe":
            return {name: _default(name) for name in FIELDS} | self.recipe.to_dict()
        beside: Table = getattr(self, table)
        return {name: getattr(beside, name) for name in beside.fields()}

    def replace(self, changes: Mapping[str, Mapping[str, Any]]) -> Settings:
        """These settings with other values, by table and key; None takes a value back. Raises BadSetting."""
        check_names(changes, TABLES, ())
        mine = self.to_dict()
        for name, table in changes.items():
            if not isinstance(table, Mapping):
                raise BadSetting(
                    f"{name} cannot be {shown(table)}: it must be a table.", "Give names and values.", (name,)
                )
            mine[name] = {**mine.get(name, {}), **table}
        return Settings.from_dict(mine)


_HOMES: Mapping[str, str] = MappingProxyType({key: name for name, table in BESIDE.items() for key in table.fields()})
"""Keys of the tables beside the recipe, and which table each is at home in."""


def _table(name: str, raw: object) -> Table:
    if not isinstance(raw, Mapping):
        raise BadSetting(f"{name} cannot be {shown(raw)}: it must be a table.", f"Write a line '[{name}]'.", (name,))
    kind = BESIDE[name]
    others = {key: home for key, home in _HOMES.items() if home != name}
    check_names(raw, kind.fields(), (name,), dict.fromkeys(FIELDS, "recipe") | others)
    try:
        return kind.from_dict(raw)
    except InvalidRequest as error:
        limit = name == "loop" and error.field and kind.fields()[error.field].optional
        hint = NO_LIMIT if limit else error.hint
        raise BadSetting(error.error, hint, (name, *([error.field] if error.field else []))) from None


def _default(name: str) -> Any:
    return FIELDS[name].dump(FIELDS[name].default)


def _cleaned(name: str, value: object) -> Any:
    """A value in JSON form."""
    try:
        return FIELDS[name].dump(FIELDS[name].clean(value))
    except InvalidRequest as error:
        raise BadSetting(error.error, error.hint, (*_PATH, name)) from None


def _request(fields: Mapping[str, Any], path: tuple[str, ...]) -> None:
    try:
        Request.from_dict(fields)
    except InvalidRequest as error:
        raise BadSetting(error.error, error.hint, (*path, *([error.field] if error.field else []))) from None


def _check_choices(name: str, texts: Any, path: tuple[str, ...]) -> None:
    if not holds_choices(FIELDS[name]):
        return
    for text in texts:
        try:
            wildcards.parse(text)
        except InvalidRequest as error:
            raise BadSetting(f"{name}: {error.error}", error.hint, path) from None
