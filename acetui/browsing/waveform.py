"""The outline of a take as rows of text, at any width and height, with its sections. Pure functions of numbers.

A *cell* is one character on the screen; an outline is two lists, the lowest and the highest sample of equal stretches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from acetui.looks.signs import BLOCKS, BRAILLE

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_STEPS = " .:-=+*#"
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille sign: of its left and right column, from the top down."""

_BRAILLE_FROM = 0x2800


@dataclass(frozen=True)
class Span:
    """Cells from ``start`` up to ``end`` that are drawn alike: ``wave``, ``wave-played`` or ``playhead``.

    ``region`` marks what lies inside the region that is chosen.
    """

    start: int
    end: int
    kind: str
    region: bool = False


def drawn(low: Sequence[float], high: Sequence[float], width: int, height: int, style: str) -> list[str]:
    """The outline in ``height`` rows of ``width`` cells, both ways from the middle; in ``blocks``, up from the foot."""
    if width <= 0 or height <= 0:
        return []
    if not low:
        return [" " * width] * height
    if style == BRAILLE:
        return _dotted(_columns(low, high, 2 * width), height)
    if style == BLOCKS:
        return _blocks(_columns(low, high, width), height)
    return _typed(_columns(low, high, width), height)


def tiny(low: Sequence[float], high: Sequence[float], width: int, style: str) -> str:
    """The shape of a take in one row of a list: how loud it is on the whole, from its own quietest to its loudest.

    The mean of what a cell covers, because the peaks of music are the same everywhere.
    """
    if width <= 0 or not low:
        return " " * width
    signs = _STEPS if style not in (BRAILLE, BLOCKS) else _EIGHTHS
    swings = [top - foot for foot, top in zip(low, high, strict=True)]
    means = [_mean(part) for part in _buckets(swings, width)]
    loudest = max(means, default=0.0)
    if loudest <= 0:
        return signs[1] * len(means)
    return "".join(signs[max(1, round(mean / loudest * (len(signs) - 1)))] for mean in means)


def cell_at(second: float, seconds: float, width: int) -> int:
    """The cell in which a second of a take is, from 0 to ``width`` - 1; what is outside of it is at its ends."""
    if second <= 0 or width <= 0:
        return 0
    return width - 1 if second >= seconds else min(int(second / seconds * width), width - 1)


def second_at(cell: int, seconds: float, width: int) -> float:
    """The second at which a cell begins."""
    return min(max(cell, 0), width) / width * seconds if width > 0 else 0.0


def spans(
    width: int, seconds: float, playhead: float | None = None, region: tuple[float, float] | None = None
) -> list[Span]:
    """How to colour a row of ``width`` cells, from left to right: what was played, where it is, the region."""
    if width <= 0:
        return []
    head = None if playhead is None else cell_at(playhead, seconds, width)
    first, last = (width, -1) if region is None else (cell_at(r, seconds, width) for r in (region[0], region[1]))
    edges = {0, width, first, last + 1}
    if head is not None:
        edges |= {head, head + 1}
    inside = sorted(edge for edge in edges if 0 <= edge <= width)
    found = []
    for start, end in pairwise(inside):
        kind = "wave" if head is None or start > head else "playhead" if start == head else "wave-played"
        found.append(Span(start, end, kind, first <= start <= last))
    return found


def section_line(
    sections: Sequence[tuple[float, str]], seconds: float, width: int, mark: str = "", gap: int = 1
) -> str:
    """The names of sections (the second each begins at, its name) below a waveform of ``width`` cells.

    A name that has no room before the next is told in fewer words, or only by its ``mark``; no word is cut.
    """
    line = [" "] * max(width, 0)
    starts = [(cell_at(second, seconds, width), name) for second, name in sections if 0 <= second < seconds]
    for at, (start, name) in enumerate(starts):
        end = starts[at + 1][0] if at + 1 < len(starts) else width + gap
        room = end - start - gap
        for text in (mark + name, mark + name.partition(" ")[0], mark):
            if text and len(text) <= room:
                line[start : start + len(text)] = text
                break
    return "".join(line)


def _buckets(values: Sequence[float], count: int) -> list[Sequence[float]]:
    """The values in ``count`` parts, none of them empty: few values count several times."""
    total = len(values)
    parts = []
    for at in range(count):
        start = at * total // count
        parts.append(values[start : max((at + 1) * total // count, start + 1)])
    return parts


def _columns(low: Sequence[float], high: Sequence[float], count: int) -> list[tuple[float, float]]:
    """How far each of ``count`` parts swings, down and up.

    Halfway between its mean and its furthest swing: music reaches its peak everywhere, and a click must be seen.
    """
    feet, tops = _buckets(low, count), _buckets(high, count)
    return [((min(foot) + _mean(foot)) / 2, (max(top) + _mean(top)) / 2) for foot, top in zip(feet, tops, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _dotted(columns: Sequence[tuple[float, float]], height: int) -> list[str]:
    """Braille: two columns of four dots a cell."""
    tall = 4 * height
    rows = [[0] * (len(columns) // 2) for _ in range(height)]
    for at, (low, high) in enumerate(columns):
        first, last = _reach(low, high, tall)
        for dot in range(first, last + 1):
            rows[dot // 4][at // 2] |= _DOTS[at % 2][dot % 4]
    return ["".join(chr(_BRAILLE_FROM + bits) if bits else " " for bits in row) for row in rows]


def _typed(columns: Sequence[tuple[float, float]], height: int) -> list[str]:
    """ASCII: the upper and the lower half of each cell."""
    if height == 1:  # both halves of a single row are always covered: there the sign says how far it swings
        top = len(_STEPS) - 1
        return ["".join(_STEPS[max(1, round(min(max(-low, high), 1.0) * top))] for low, high in columns)]
    rows = [[""] * len(columns) for _ in range(height)]
    for at, (low, high) in enumerate(columns):
        first, last = _reach(low, high, 2 * height)
        for row in range(height):
            upper, lower = first <= 2 * row <= last, first <= 2 * row + 1 <= last
            rows[row][at] = ":" if upper and lower else "'" if upper else "." if lower else " "
    return ["".join(row) for row in rows]


def _blocks(columns: Sequence[tuple[float, float]], height: int) -> list[str]:
    """Eighths of a cell, as high as the column swings."""
    tall = 8 * height
    heights = [max(1, round(min(max(abs(low), abs(high)), 1.0) * tall)) for low, high in columns]
    return [
        "".join(_EIGHTHS[min(max(reached - 8 * (height - 1 - row), 0), 8)] for reached in heights)
        for row in range(height)
    ]


def _reach(low: float, high: float, tall: int) -> tuple[int, int]:
    """The first and the last dot of ``tall``, from the top, that a column covers; it covers one at least."""

    def dot(value: float) -> int:
        return min(max(int((1 - min(max(value, -1.0), 1.0)) / 2 * tall), 0), tall - 1)

    first = dot(high)
    # What ends exactly on the edge of a dot does not reach into it, so that an even swing is drawn evenly.
    edge = (1 - min(max(low, -1.0), 1.0)) / 2 * tall
    last = int(edge) - 1 if edge == int(edge) and edge > 0 else dot(low)
    return first, max(first, last)
