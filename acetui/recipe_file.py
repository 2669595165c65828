"""Reading a recipe from a TOML file: a recipe alone, or the ``[recipe]`` table of a session."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from engine import InvalidRequest


def read_recipe(path: str) -> dict[str, Any]:
    """The fields in the file, unchecked, by name; raises InvalidRequest that says where in the file it is wrong."""
    text = ""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        table = tomllib.loads(text)
    except OSError as cause:
        raise InvalidRequest(f"The recipe '{path}' cannot be read: {cause.strerror}.", "Check its name.") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"The recipe '{path}' is not text in UTF-8.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as cause:
        reason = str(cause).replace("end of document", _end_of(text))
        raise InvalidRequest(f"The recipe '{path}' is not valid TOML: {reason}.", "Mend that line.") from None
    except (ValueError, RecursionError):
        raise InvalidRequest(f"The recipe '{path}' holds a value that is too large to read.", "Mend it.") from None
    recipe = table.get("recipe", table)
    if not isinstance(recipe, dict):
        raise InvalidRequest(f"'recipe' in '{path}' is not a table.", "Write the fields under a line '[recipe]'.")
    return recipe


def _end_of(text: str) -> str:
    """Where ``text`` ends, in the words in which tomllib names every other place."""
    lines = text.split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}"
