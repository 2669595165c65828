"""What is different between two texts, and between two recipes, as stretches that can be shown.

``sessions.changes`` says the same in a few words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from acetui.recipe.field_values import is_text, written
from engine.request import FIELDS
from sessions.settings import BESIDE, GRID, TABLES

SAME, GONE, COME = "same", "gone", "come"

_TOKEN = re.compile(r"\n|[^\S\n]+|\S+")


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is in both, only in the older or only in the newer one."""

    text: str
    kind: str


@dataclass(frozen=True)
class FieldChange:
    """A field that differs; ``name`` has its table before it where that is not the recipe. Pieces are for texts."""

    name: str
    before: str
    after: str
    pieces: tuple[Piece, ...] = ()


def word_changes(before: str, after: str) -> tuple[Piece, ...]:
    """Both texts in one: the same and gone pieces together are ``before``, the same and come ones ``after``."""
    pieces: list[Piece] = []
    for kind, old, new in _steps(before.splitlines(keepends=True), after.splitlines(keepends=True)):
        if kind == "equal":
            _add(pieces, SAME, "".join(old))
        else:
            _add_words(pieces, "".join(old), "".join(new))
    return tuple(pieces)


def _add_words(pieces: list[Piece], old_text: str, new_text: str) -> None:
    for kind, old, new in _steps(_TOKEN.findall(old_text), _TOKEN.findall(new_text)):
        _add(pieces, SAME if kind == "equal" else GONE, "".join(old))
        if kind != "equal":
            _add(pieces, COME, "".join(new))


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    # A word or a line that is repeated often, as choruses are, is no "junk" here.
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind, old[a:b], new[c:d]


def _add(pieces: list[Piece], kind: str, text: str) -> None:
    if text and pieces and pieces[-1].kind == kind:
        pieces[-1] = Piece(pieces[-1].text + text, kind)
    elif text:
        pieces.append(Piece(text, kind))


def field_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> tuple[FieldChange, ...]:
    """What differs between two settings, given by table as the studio sends them: only what is not a default."""
    found: list[FieldChange] = []
    for table in TABLES:
        old, new = before.get(table, {}), after.get(table, {})
        prefix = "" if table == "recipe" else f"{table}."
        known = (*FIELDS, GRID) if table == "recipe" else tuple(BESIDE[table].fields())
        names = [*known, *(name for name in {**old, **new} if name not in known)]
        found += [
            _change(prefix + name, old.get(name), new.get(name), name in known)
            for name in names
            if old.get(name) != new.get(name)
        ]
    return tuple(found)


def _change(name: str, old: Any, new: Any, known: bool) -> FieldChange:
    """A field that nobody declares is shown as JSON."""
    if not known:
        was, now = ("" if value is None else json.dumps(value, ensure_ascii=False) for value in (old, new))
        return FieldChange(name, was, now)
    was, now = written(name, old), written(name, new)
    return FieldChange(name, was, now, word_changes(was, now) if is_text(name) else ())
