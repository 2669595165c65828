"""Names of tables and keys: known, or refused with the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from engine.fields import shown
from sessions.errors import BadSetting


def check_names(
    raw: Mapping[Any, Any], known: Iterable[str], path: tuple[str, ...], elsewhere: Mapping[str, str] | None = None
) -> None:
    """Raises BadSetting for the first key of the table at ``path`` that is not in ``known``.

    ``elsewhere`` says to which table a name belongs that is at home in another one.
    """
    names = tuple(known)
    for name in raw:
        if name not in names:
            where = f"under [{'.'.join(path)}]" if path else "at the top"
            raise BadSetting(
                f"Nothing {where} is called {shown(name)}.", _hint(name, names, elsewhere), (*path, str(name))
            )


def _hint(name: object, known: tuple[str, ...], elsewhere: Mapping[str, str] | None) -> str:
    if isinstance(name, str):
        if table := (elsewhere or {}).get(name):
            return f"It belongs under a line '[{table}]'."
        if near := get_close_matches(name[:60], known, n=1):
            return f"Did you mean '{near[0]}'?"
    return f"Known are {', '.join(known)}." if len(known) <= 12 else "The published names are in docs/session.md."
