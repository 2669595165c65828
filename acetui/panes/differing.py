"""Which cells of a line differ from what was painted there, so that little goes to the terminal.

The toolkit leaves out what is right of the last of them; what is left of the first in the same widget goes along.
"""

from __future__ import annotations

from rich.cells import get_character_cell_size
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

Cell = tuple[str, Style | None]


def region_of(before: Strip | None, now: Strip, y: int) -> Region | None:
    """The cells of line ``y`` that are to be painted; None where it is as it was."""
    if before is None or before.cell_length != now.cell_length:
        return Region(0, y, now.cell_length, 1)
    if before == now:
        return None
    first, last = _ends(_cells(before), _cells(now))
    return Region(first, y, last - first + 1, 1)


def _cells(strip: Strip) -> list[Cell]:
    """The sign in every cell of a line; the second cell of a wide sign has none."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        for sign in text:
            width = get_character_cell_size(sign)
            if not width and cells:
                cells[-1] = (cells[-1][0] + sign, cells[-1][1])
            else:
                cells += [(sign, style), *[("", style)] * (width - 1)]
    return cells


def _ends(before: list[Cell], now: list[Cell]) -> tuple[int, int]:
    """The first and the last cell that differ, of two lines that do; a wide sign is never cut."""
    length = min(len(before), len(now))
    differ = [x for x in range(length) if before[x] != now[x]]
    first, last = (differ[0], differ[-1]) if differ else (0, length - 1)
    while first > 0 and not (before[first][0] and now[first][0]):
        first -= 1
    while last + 1 < length and not (before[last + 1][0] and now[last + 1][0]):
        last += 1
    return first, last
