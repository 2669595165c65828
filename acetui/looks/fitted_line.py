"""A line that fits: made of groups, of which the least important is told in fewer words, and then not at all.

No word is ever cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAP = "  "
ALWAYS = 100
"""The weight of what no width may drop."""


@dataclass(frozen=True)
class Piece:
    """Some words, and what they are about: the colour is chosen by that."""

    text: str
    kind: str


Form = tuple[Piece, ...]


@dataclass(frozen=True)
class Group:
    """What belongs together: its ``forms`` from the most words to the fewest, each with the weight it is kept with.

    A form with the weight ``ALWAYS`` stays whatever happens. ``left`` groups stand at the left end of the line.
    """

    forms: tuple[tuple[int, Form], ...]
    left: bool = False


@dataclass(frozen=True)
class Line:
    """What fits: at the left end, at the right end, and how many cells are between them."""

    left: tuple[Piece, ...]
    gap: int
    right: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The line without its colours."""
        return "".join([*(p.text for p in self.left), " " * self.gap, *(p.text for p in self.right)])


def fitted(groups: Sequence[Group], width: int) -> Line:
    """The groups in as many words as there is room for."""
    shown: dict[int, int] = dict.fromkeys(range(len(groups)), 0)

    def weight(at: int) -> int:
        return groups[at].forms[shown[at]][0]

    def can_give(at: int) -> bool:
        return weight(at) < ALWAYS or shown[at] + 1 < len(groups[at].forms)

    while _cells(groups, shown) > width and (giving := [at for at in shown if can_give(at)]):
        least = min(giving, key=lambda at: (weight(at), -at))
        if shown[least] + 1 < len(groups[least].forms):
            shown[least] += 1
        else:
            del shown[least]
    _grow(groups, shown, width)
    ordered = sorted(shown.items())
    left = [groups[at].forms[form][1] for at, form in ordered if groups[at].left]
    right = [groups[at].forms[form][1] for at, form in ordered if not groups[at].left]
    gap = width - _width(left) - _width(right)
    return Line(_joined(left), max(gap, len(GAP) if left and right else 0), _joined(right))


def _grow(groups: Sequence[Group], shown: dict[int, int], width: int) -> None:
    """Gives room that is left over back to what was told in fewer words than it needs, the most important first."""
    for at in sorted(range(len(groups)), key=lambda at: -groups[at].forms[0][0]):
        for form in range(shown.get(at, len(groups[at].forms))):
            if _cells(groups, shown | {at: form}) <= width:
                shown[at] = form
                break


def _cells(groups: Sequence[Group], shown: Mapping[int, int]) -> int:
    return _width([groups[at].forms[form][1] for at, form in shown.items()])


def _width(forms: Sequence[Form]) -> int:
    """The cells that forms take, with the gaps between them."""
    cells = sum(len(piece.text) for form in forms for piece in form)
    return cells + len(GAP) * max(0, len(forms) - 1)


def _joined(forms: Sequence[Form]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for form in forms:
        pieces += [Piece(GAP, "gap")] if pieces else []
        pieces += form
    return tuple(pieces)
