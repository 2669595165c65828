"""Where takes come from: the tree of parents and children around one take, asked for level by level. No toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from acetui.browsing.row_text import score_text
from acetui.browsing.take_rows import MARKS, Row, row_of
from acetui.looks.signs import Looks
from acetui.looks.text_cells import safe

MOST = 500
"""Takes of a family that are shown; a larger one says so."""

_AT_ONCE = 100
"""Parents whose children are asked for in one filter."""


class Asked(Protocol):
    """What is asked of the studio."""

    async def order(self, filter: str = "", sort: str = "-number") -> list[int]:
        """Numbers that pass a filter."""

    async def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Rows of takes."""


@dataclass(frozen=True)
class Family:
    """Every take that is known of a family: ``root`` is the first, ``children`` are by the number of their parent."""

    root: int
    rows: Mapping[int, Row]
    children: Mapping[int, Sequence[int]]
    whole: bool = True
    """Whether these are all."""


@dataclass(frozen=True)
class Node:
    """A line of the tree."""

    number: int
    text: str


async def family(client: Asked, number: int) -> Family:
    """The family of a take, trashed takes among it. Raises what the studio refuses with."""
    rows: dict[int, Row] = {}
    root = number
    while root not in rows:
        found = await client.rows([root])
        if not found:
            break
        rows[root] = row_of(found[0])
        root = rows[root].parent_number or root
    children: dict[int, list[int]] = {}
    level, placed = [root], {root}
    while level and len(rows) < MOST:
        by_id = {rows[each].id: each for each in level if each in rows}
        level = []
        for row in await _children(client, list(by_id)):
            if row.parent in by_id and row.number not in placed:
                placed.add(row.number)
                rows[row.number] = row
                children.setdefault(by_id[row.parent], []).append(row.number)
                level.append(row.number)
    return Family(root, rows, children, whole=not level)


async def _children(client: Asked, ids: Sequence[str]) -> list[Row]:
    found: list[Row] = []
    for start in range(0, len(ids), _AT_ONCE):
        named = " or ".join(f'parent:"{id}"' for id in ids[start : start + _AT_ONCE])
        numbers = await client.order(f"({named}) and (trashed or not trashed)", "number")
        found += [row_of(told) for told in await client.rows(numbers[:MOST])]
    return found


def tree(found: Family, looks: Looks) -> list[Node]:
    """The family as lines, parents above their children."""
    glyphs = looks.glyphs
    nodes: list[Node] = []
    waiting: list[tuple[int, str, str]] = [(found.root, "", "")]
    while waiting:
        number, before, below = waiting.pop()
        nodes.append(Node(number, before + _text(found.rows.get(number), number, looks)))
        children = list(found.children.get(number, ()))
        for child in reversed(children):
            last = child == children[-1]
            branch = f"{glyphs.last_branch if last else glyphs.branch}{glyphs.dash} "
            waiting.append((child, below + branch, below + ("   " if last else f"{glyphs.trunk}  ")))
    return nodes


def _text(row: Row | None, number: int, looks: Looks) -> str:
    if row is None:
        return f"{number} is gone"
    marks = "".join(getattr(looks.glyphs, mark) for mark in MARKS if mark in row.marks and mark != "heard")
    words = [f"{number}{marks and ' ' + marks}", score_text(row.score, False, looks).strip(), safe(row.name)]
    words += [row.operation] if row.parent is not None else []
    words += ["in the trash"] if row.trashed else []
    return "  ".join(words)
