"""A line of the list of takes as text: which columns fit a width, and what stands in them. No toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from acetui.browsing.take_rows import Row
from acetui.browsing.waveform import tiny
from acetui.how_long import clock_time
from acetui.looks.signs import Looks
from acetui.looks.text_cells import cut, filled

Outline = tuple[Sequence[float], Sequence[float]]
"""The lowest and the highest sample of equal stretches of a take."""

Piece = tuple[str, str]
"""Text, and which of ``KINDS`` it is."""

KINDS = ("mark", "text", "quiet", "wave", "boundary", "new")
"""A mark is drawn in the colour of what it says: its kind is ``mark-pinned`` and the like."""

_STORED = {"latents only": "no audio, latents kept", "missing audio": "no audio"}

_NEEDED = (
    *(("wave", 10, 12), ("lineage", 5, 12), ("extra", 10, 20)),
    *(("age", 7, 24), ("revision", 5, 24), ("seed", 11, 24)),
)
"""What may be left out, the most needed first: its cells, and how many the name has at least when it is shown."""


_NAME = 44
"""Cells that show a name whole: those that are made of captions have at most 40 signs."""


@dataclass(frozen=True)
class Columns:
    """How many cells each column has; 0 leaves it out. Marks, number, score and length are always there."""

    number: int
    name: int
    lineage: int
    extra: int
    """Rating, note and tags."""

    revision: int
    seed: int
    age: int
    wave: int


@lru_cache(maxsize=64)
def columns(width: int, digits: int) -> Columns:
    """The columns for a line of ``width`` cells and numbers of ``digits``: what is needed least goes first."""
    number = max(digits, 2)
    left = width - len("◆★") - number - len(" .87~ 12:04 ")
    shares = dict.fromkeys(("wave", "lineage", "extra", "age", "revision", "seed"), 0)
    for column, cells, name in _NEEDED:
        if left - sum(shares.values()) - cells < name:
            break
        shares[column] = cells
    room = left - sum(shares.values()) - _NAME
    for column, most in (("lineage", 11), ("wave", 14), ("extra", 20)):  # what is over, where all are there
        more = min(max(room, 0), most) if shares["seed"] else 0
        shares[column] += more
        room -= more
    return Columns(number=number, name=max(left - sum(shares.values()), 0), **shares)


@dataclass(frozen=True)
class Seen:
    """A take as it is to be drawn: what the list, the player and the clock say of it."""

    row: Row
    selected: bool = False
    playing: bool = False
    tie: bool = False
    outline: Outline | None = None
    age: str = ""


def pieces(seen: Seen, shape: Columns, looks: Looks) -> list[Piece]:
    """A take, from left to right."""
    row = seen.row
    mark, sign = ("playing", looks.glyphs.playing) if seen.playing else _mark(row, looks)
    lead = looks.glyphs.marked if seen.selected else " "
    head = f"{row.number:>{shape.number}} {score_text(row.score, seen.tie, looks)} {clock_time(row.duration):>5} "
    return [
        (lead + sign, "mark-selected" if seen.selected else f"mark-{mark}"),
        (head + filled(title(row, shape, looks), shape.name), "text"),
        (_quiet(seen, shape, looks), "quiet"),
        (_wave(seen.outline, shape, looks), "wave"),
    ]


def unknown(number: int, shape: Columns) -> list[Piece]:
    """A take of which nothing but the number is known yet."""
    return [(f"  {number:>{shape.number}}", "quiet")]


def divider(words: str, width: int, looks: Looks, kind: str) -> list[Piece]:
    """A line between takes."""
    dash = looks.glyphs.dash
    text = cut(f" {looks.words(words)} ", max(width - 6, 0), looks.glyphs.more)
    return [(f"  {dash * 2}{filled(text, len(text))}{dash * max(width - 5 - len(text), 0)} ", kind)]


def score_text(score: float | None, tie: bool, looks: Looks) -> str:
    """A score in four cells: ``.87``, with a mark where it may be as good as the one before."""
    if score is None:
        return f" {looks.glyphs.no_score}  "
    text = "1.0" if score >= 0.995 else f"{max(score, 0.0):.2f}".removeprefix("0")
    return text + (looks.glyphs.tie if tie else " ")


def title(row: Row, shape: Columns, looks: Looks) -> str:
    """The name; what is wrong with a take goes before it."""
    wrong = [*row.faults, *([_STORED.get(row.stored, row.stored)] if row.stored != "whole" else [])]
    words = looks.words(", ".join(wrong)) if wrong else row.name
    if wrong and shape.name > len(words) + 3 + len(row.name):
        words = f"{row.name} {looks.glyphs.dot} {words}"
    sketched = f" {looks.glyphs.sketch}" if row.sketch else ""
    return cut(words, max(shape.name - 1 - len(sketched), 0), looks.glyphs.more) + sketched


def lineage(row: Row, room: int, looks: Looks) -> str:
    """What a take was made from: ``↳41``, or ``sibling of 41`` where there is room."""
    if row.parent is None:
        return ""
    of = "" if row.parent_number is None else str(row.parent_number)
    long = f"{row.operation} of {of}" if of else row.operation
    return long if len(long) <= room else cut(f"{looks.glyphs.child}{of}", room, looks.glyphs.more)


def _mark(row: Row, looks: Looks) -> Piece:
    glyphs = looks.glyphs
    if row.trashed:
        return "trashed", glyphs.trashed
    for name in ("pinned", "liked", "rejected"):
        if name in row.marks:
            return name, str(getattr(glyphs, name))
    if row.faults or row.stored != "whole":
        return "faulty", glyphs.faulty
    return ("heard", " ") if "heard" in row.marks else ("unheard", glyphs.unheard)


def _quiet(seen: Seen, shape: Columns, looks: Looks) -> str:
    """Everything between the name and the waveform."""
    row = seen.row
    extra = " ".join(
        [
            *([f"{row.rating}/5"] if row.rating is not None else []),
            *([looks.glyphs.noted] if row.noted else []),
            *(f"#{tag}" for tag in row.tags),
        ]
    )
    revision = "" if row.revision is None else f"r{row.revision}"
    texts = (
        (lineage(row, shape.lineage - 1, looks), shape.lineage),
        (extra, shape.extra),
        (revision, shape.revision),
        (str(row.seed), shape.seed),
        (seen.age, shape.age),
    )
    return "".join(filled(cut(text, cells - 1, looks.glyphs.more), cells) for text, cells in texts if cells)


def _wave(outline: Outline | None, shape: Columns, looks: Looks) -> str:
    cells = max(shape.wave - 1, 0)
    return (tiny(*outline, cells, looks.waveform) if outline and cells else " " * cells) + (" " if shape.wave else "")
