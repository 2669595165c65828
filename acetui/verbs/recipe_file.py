"""Reading a recipe from a TOML file: a recipe alone, or the ``[recipe]`` table of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import InvalidRequest
from sessions.toml_text import decode, load


def read_recipe(path: str) -> dict[str, Any]:
    """The fields in the file, unchecked, by name; raises InvalidRequest that says where in the file it is wrong."""
    name = f"The recipe '{path}'"
    try:
        table = load(decode(Path(path).read_bytes(), name), name)
    except OSError as cause:
        raise InvalidRequest(f"{name} cannot be read: {cause.strerror}.", "Check its name.") from None
    recipe = table.get("recipe", table)
    if not isinstance(recipe, dict):
        raise InvalidRequest(f"'recipe' in '{path}' is not a table.", "Write the fields under a line '[recipe]'.")
    return recipe
