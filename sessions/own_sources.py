"""No path from outside: what comes over HTTP names audio by the hash of a source, and models by their names.

Paths that a person wrote into session.toml stay good: they were there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.adapters.reading import adapters_folder, installed
from engine.errors import EngineError
from engine.nano import NAME
from sessions.settings import Recipe, Settings
from sessions.sources import NoSource, Sources

PATHS = ("src_audio", "reference_audio", "adapters")
"""Fields of a recipe that name files."""

_NAMES = ("dit", "lm")


class ForeignPath(EngineError):
    """A path where only the name of something that is known may stand."""

    exit_code = 2


def check_settings(settings: Settings, current: Settings, sources: Sources) -> None:
    """Raises ForeignPath for settings that name a file, or a folder of models, that ``current`` does not name."""
    check_recipe(settings.recipe, current.recipe, sources)
    models = settings.models
    if models.models not in (None, NAME, current.models.models):
        raise ForeignPath(
            "The folder of models is not changed over HTTP.", "Write it into session.toml.", field="models.models"
        )
    for name in _NAMES:
        value = getattr(models, name)
        if value and value != getattr(current.models, name) and ("/" in value or "\\" in value or value[0] == "."):
            raise ForeignPath(
                f"models.{name} is a name, not a path.", "Name a folder of the models folder.", field=f"models.{name}"
            )


def check_recipe(recipe: Recipe, current: Recipe, sources: Sources) -> None:
    """Raises ForeignPath for a recipe that names a file which is no source, and that ``current`` does not name."""
    known = set(_named(current))
    for field, name in _named(recipe):
        if (field, name) in known or (field == "adapters" and name in installed(adapters_folder())):
            continue
        try:
            sources.path(name)
        except NoSource:
            raise ForeignPath(
                f"{field} names no source of this session.",
                "Upload the file to /api/sources, and name it by the hash that comes back.",
                field=field,
            ) from None


def _named(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Every field that names a file, with the name."""
    fields = [*recipe.template.items(), *((name, value) for name, values in recipe.grid.axes for value in values)]
    for field, value in fields:
        if field in PATHS:
            for entry in value if isinstance(value, list | tuple) else [value]:
                name = _name(entry)
                if name:
                    yield field, name


def _name(entry: Any) -> str:
    return str(entry.get("path", "")) if isinstance(entry, Mapping) else str(entry or "")
