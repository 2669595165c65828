"""No path from outside: what comes over HTTP names audio by the hash of a source or by a take, and models by names.

Paths that a person wrote into session.toml stay good: they were there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.adapters.reading import adapters_folder, installed
from engine.errors import EngineError
from engine.nano import NAME
from sessions.lists import Lists
from sessions.settings import Recipe, Settings
from sessions.sources import NoSource, Sources
from sessions.take_names import key_of

AUDIO = ("src_audio", "next_audio", "reference_audio", "more_reference_audio")
"""Fields of a recipe that name audio: a file, or a take."""

PATHS = (*AUDIO, "src_latents", "next_latents", "adapters")
"""Fields of a recipe that name files."""

_NAMES = ("dit", "lm")


class ForeignPath(EngineError):
    """A path where only the name of something that is known may stand."""

    exit_code = 2


def check_settings(settings: Settings, current: Settings, sources: Sources, takes: Lists) -> None:
    """Raises ForeignPath for settings that name a file, or a folder of models, that ``current`` does not name."""
    check_recipe(settings.recipe, current.recipe, sources, takes)
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


def check_recipe(recipe: Recipe, current: Recipe, sources: Sources, takes: Lists) -> None:
    """Raises ForeignPath for a recipe that names a file which is no source, and that ``current`` does not name.

    Raises NoTake for a take that is not there.
    """
    known = set(_named(current))
    for field, name in _named(recipe):
        if (field, name) not in known:
            check_name(field, name, sources, takes)


def check_name(field: str, name: str, sources: Sources, takes: Lists) -> None:
    """Raises ForeignPath for a name that is no source's, and NoTake for a take that is not there."""
    if field in AUDIO and (key := key_of(name)) is not None:
        takes.get(key)
        return
    if field == "adapters" and name in installed(adapters_folder()):
        return
    try:
        sources.path(name)
    except NoSource:
        raise ForeignPath(
            f"{field} names no source of this session.",
            "Upload the file to /api/sources, and name it by the hash that comes back, or name a take as 'take:7'.",
            field=field,
        ) from None


def named_in(value: Any) -> Iterator[str]:
    """The names in the value of one of ``PATHS``."""
    for entry in value if isinstance(value, list | tuple) else [value]:
        name = str(entry.get("path", entry.get("name", ""))) if isinstance(entry, Mapping) else str(entry or "")
        if name:
            yield name


def _named(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Every field that names a file, with the name."""
    fields = [*recipe.template.items(), *((name, value) for name, values in recipe.grid.axes for value in values)]
    return ((field, name) for field, value in fields if field in PATHS for name in named_in(value))
