"""Differences as lines that fit a width: the part of a text around what changed, with marks for gone and come.

Marks say it as well as colours do: ``-slow-`` is gone, ``+fast+`` has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from acetui.browsing.take_facts import PLANNED
from acetui.recipe.field_values import shown
from acetui.recipe.fields_shown import label
from acetui.recipe.text_changes import COME, GONE, SAME, FieldChange, Piece, field_changes

HEADING = "heading"
"""The kind of a piece that names a field; the others are those of ``acetui.recipe.text_changes``."""

CONTEXT = 1
"""Lines that are shown around one that changed."""

_MARKS = {GONE: "-", COME: "+"}

Line = tuple[Piece, ...]


def diff_lines(changes: Sequence[FieldChange], width: int, *, arrow: str = "->", more: str = "...") -> list[Line]:
    """Every change, one after the other."""
    found: list[Line] = []
    for change in changes:
        if change.pieces and ("\n" in change.before + change.after or len(change.before + change.after) > width // 2):
            found.append((Piece(label(change.name), HEADING),))
            found += [line for text_line in _around(change.pieces, more) for line in _wrapped(text_line, width)]
        else:
            found += _wrapped(_short(change, arrow), width, marks={})
    return found


def plan_changes(take: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """What the planner of a take made of what was asked, where it says other than was asked."""
    request, plan = take.get("request") or {}, take.get("plan") or {}
    named = {name: plan[name] for name in PLANNED if plan.get(name) is not None}
    asked = {name: request.get(name) for name in named}
    before = {name: value for name, value in asked.items() if value is not None}
    return field_changes({"recipe": before}, {"recipe": named})


def _short(change: FieldChange, arrow: str) -> Line:
    was, now = (_value(change.name, value) for value in (change.before, change.after))
    return (
        Piece(f"{label(change.name)}  ", HEADING),
        Piece(was, GONE),
        Piece(f" {arrow} ", SAME),
        Piece(now, COME),
    )


def _value(name: str, text: str) -> str:
    """What is not set says what it is then."""
    if text:
        return " ".join(text.split())
    try:
        return shown(name, None)
    except KeyError:
        return "none"


def _around(pieces: Iterable[Piece], more: str) -> list[Line]:
    """The lines of a text that changed, with a line or so around them."""
    lines: list[list[Piece]] = [[]]
    for piece in pieces:
        for number, part in enumerate(piece.text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(Piece(part, piece.kind))
    return _near_changes([tuple(line) for line in lines], more)


def _near_changes(lines: Sequence[Line], more: str) -> list[Line]:
    changed = [at for at, line in enumerate(lines) if any(piece.kind != SAME for piece in line)]
    kept = {at + by for at in changed for by in range(-CONTEXT, CONTEXT + 1) if 0 <= at + by < len(lines)}
    found: list[Line] = []
    for at, line in enumerate(lines):
        if at in kept:
            found.append(line)
        elif not found or at - 1 in kept:
            found.append((Piece(more, SAME),))
    return found


def _wrapped(line: Line, width: int, marks: Mapping[str, str] = _MARKS) -> list[Line]:
    """A line cut into as many as it needs, between words where that is possible."""
    words: list[Piece] = []
    for piece in line:
        mark = marks.get(piece.kind, "")
        text = f"{mark}{piece.text.strip()}{mark}" if mark and piece.text.strip() else piece.text
        lead = piece.text[: len(piece.text) - len(piece.text.lstrip())] if mark else ""
        tail = piece.text[len(piece.text.rstrip()) :] if mark and piece.text.strip() else ""
        words += [Piece(word, piece.kind) for word in _cut(f"{lead}{text}{tail}", width)]
    lines: list[list[Piece]] = [[]]
    used = 0
    for word in words:
        cells = cell_len(word.text.rstrip())
        if used + cells > width and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append(word)
        used += cell_len(word.text)
    return [_joined(each) for each in lines]


def _cut(text: str, width: int) -> list[str]:
    """Words with the blanks behind them; one that is too wide is cut."""
    words: list[str] = []
    for word in _words(text):
        while cell_len(word.rstrip()) > width > 1:
            head = word[: max(1, width // 2)]
            words.append(head)
            word = word[len(head) :]
        words.append(word)
    return words


def _words(text: str) -> list[str]:
    words: list[str] = []
    for sign in text:
        if words and (sign == " " or words[-1][-1] != " "):
            words[-1] += sign
        else:
            words.append(sign)
    return words


def _joined(pieces: Iterable[Piece]) -> Line:
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].kind == piece.kind:
            found[-1] = Piece(found[-1].text + piece.text, piece.kind)
        else:
            found.append(piece)
    return tuple(found)
