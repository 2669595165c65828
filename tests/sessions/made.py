"""Settings and texts for hypothesis: made from what the fields say about themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from engine.errors import EngineError
from engine.request import FIELDS
from sessions.errors import BadSetting
from sessions.settings import BESIDE, Settings
from tests.engine.test_request import JUNK, valid_values

PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="{}\\"), max_size=12)
LINES = st.lists(
    PLAIN | st.sampled_from(['say "hey"', '"""', "# no comment", "{a|{b|}}", r"\{", "\t", "'''"]), max_size=4
)
TEXTS = LINES.map("\n".join)

_BESIDE_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "models": PLAIN,
    "dit": PLAIN,
    "lm": PLAIN,
    "device": st.sampled_from(["auto", "cpu", "mps", "cuda", "cuda:1"]),
}


def recipe_values(name: str) -> st.SearchStrategy[Any]:
    """Values for a field of a recipe; texts may hold choices and lines."""
    field = FIELDS[name]
    if field.kind == "str" and not field.choices and field.read is None:
        return TEXTS
    return valid_values(field)


def _beside(table: str) -> st.SearchStrategy[dict[str, Any]]:
    fields = BESIDE[table].fields()
    values = {}
    for name, field in fields.items():
        if name in _BESIDE_SPECIAL:
            values[name] = _BESIDE_SPECIAL[name]
        elif field.choices:
            values[name] = st.sampled_from(field.choices)
        elif field.kind == "bool":
            values[name] = st.booleans()
        elif field.kind == "int":
            values[name] = st.integers(int(field.low or 0), int(field.high or 10**6))
        else:
            values[name] = st.floats(field.low, field.high or 1e6)
    return st.fixed_dictionaries({}, optional=values)


RECIPE_FIELDS = st.sampled_from(sorted(FIELDS))
TEMPLATES = st.sets(RECIPE_FIELDS, max_size=8).flatmap(
    lambda names: st.fixed_dictionaries({name: recipe_values(name) for name in names})
)
GRIDS = st.sets(RECIPE_FIELDS, max_size=2).flatmap(
    lambda names: st.fixed_dictionaries({name: st.lists(recipe_values(name), min_size=1, max_size=3) for name in names})
)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "recipe": st.builds(lambda fields, grid: fields | {"grid": grid}, TEMPLATES, GRIDS),
        "loop": _beside("loop"),
        "scores": _beside("scores"),
        "models": _beside("models"),
    },
)


def settings_or_none(raw: Any) -> Settings | None:
    """The settings of a table, None where it is refused as it should be."""
    try:
        return Settings.from_dict(raw)
    except BadSetting as error:
        check_calm(error)
        return None


SETTINGS = TABLES.map(settings_or_none).filter(lambda made: made is not None)


def outcome(make: Callable[[], Any]) -> Any:
    """What ``make`` returns or calmly refuses with; any other exception is a failure of the test."""
    try:
        return make()
    except EngineError as error:
        check_calm(error)
        return error


def check_calm(error: EngineError) -> None:
    """An error for people: a whole sentence, something to do about it, and nothing endless."""
    assert error.error.endswith((".", "?"))
    assert error.hint
    assert len(str(error).encode("utf-8", "replace")) < 2000


__all__ = [
    "GRIDS",
    "JUNK",
    "LINES",
    "SETTINGS",
    "TABLES",
    "TEMPLATES",
    "TEXTS",
    "check_calm",
    "outcome",
    "settings_or_none",
]
