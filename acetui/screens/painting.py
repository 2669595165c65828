"""What goes to the terminal: the cells that are not what stands there, and of their looks what changes.

The toolkit writes whatever a widget paints anew from its left edge on, and every piece of it with all of its colours. A
question at the bottom moves every pane by a line: that was 32,000 bytes at 120x40. Here the app knows what stands in
each cell of the terminal, as programs for slow lines always have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import is_not, ne, or_
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

# A step to the right in the same line costs five bytes: fewer cells than these are written again.
_STEP = 5
_NO_LINE = "4", "7", "9", "21", "53"


class Look(NamedTuple):
    """How a cell looks, in the terminal's own numbers."""

    attributes: frozenset[str]
    fore: str
    back: str


PLAIN = Look(frozenset(), "", "")

Part = tuple[int, int, Strip]
"""A line, a column, and what comes to stand there."""


class Painting:
    """What stands on the terminal now, as far as it was written by ``written``."""

    def __init__(self) -> None:
        self._width = 0
        self._signs: dict[int, list[str | None]] = {}
        self._looks: dict[int, list[Look | None]] = {}

    def forget(self) -> None:
        """Something else may stand there: all that is painted from now on is written."""
        self._signs.clear()
        self._looks.clear()

    def written(self, parts: Iterable[Part], width: int, system: ColorSystem) -> str:
        """What is to be sent so that these parts stand on a terminal of ``width`` columns. It counts as sent."""
        if width != self._width:
            self.forget()
            self._width = width
        sent: list[str] = []
        look = PLAIN
        for y, x, strip in parts:
            here = f"\x1b[{y + 1};"
            for column, text, wanted in self._stretches(y, x, strip, system):
                if column is not None:
                    sent.append(f"{here}{column + 1}H" if here else f"\x1b[{column + 1}G")
                    here = ""
                sent += (_change(look, wanted), text)
                look = wanted
        sent.append(_change(look, PLAIN))
        return "".join(sent)

    def _stretches(self, y: int, x: int, strip: Strip, system: ColorSystem) -> Iterator[tuple[int | None, str, Look]]:
        """What is to be written of a part: its column where it does not follow what came before it, text and look."""
        signs, looks = _cells(strip, system)
        end = min(x + len(signs), self._width)
        old_signs = self._signs.setdefault(y, [None] * self._width)
        old_looks = self._looks.setdefault(y, [None] * self._width)
        other_sign, other_look = map(ne, signs, old_signs[x:end]), map(is_not, looks, old_looks[x:end])
        differs = bytes(map(or_, other_sign, other_look))
        old_signs[x:end], old_looks[x:end] = signs[: end - x], looks[: end - x]
        for first, last in _runs(differs, signs, looks):
            start = first
            while start < last:
                look, stop = looks[start], start + 1
                while stop < last and looks[stop] is look:
                    stop += 1
                yield (x + start if start == first else None), "".join(signs[start:stop]), look
                start = stop


def _runs(differs: bytes, signs: list[str], looks: list[Look]) -> Iterator[tuple[int, int]]:
    """First and last cell, exclusive, of what is to be written. What is one sign is never cut."""
    first = last = -1
    start = differs.find(1)
    while start >= 0:
        same = differs.find(0, start)
        end = same if same >= 0 else len(differs)
        while start and not signs[start]:
            start -= 1
        while end < len(signs) and not signs[end]:
            end += 1
        if first < 0:
            first, last = start, end
        elif start <= last or (start - last < _STEP and all(look is looks[last - 1] for look in looks[last:start])):
            last = max(last, end)
        else:
            yield first, last
            first, last = start, end
        start = differs.find(1, end)
    if first >= 0:
        yield first, last


def _cells(strip: Strip, system: ColorSystem) -> tuple[list[str], list[Look]]:
    """The sign and the look of every cell; of signs that are wide or joined the first has all of the text."""
    signs: list[str] = []
    looks: list[Look] = []
    for text, style, control in strip:
        if control or not text:
            continue
        of_text = _signs(text)
        if not of_text:  # it joins what stands before it
            if signs:
                start = max(index for index, sign in enumerate(signs) if sign)
                signs[start] += text
            continue
        signs += of_text
        looks += [_look("" if style is None else Strip.render_ansi(style, system), text.isspace())] * len(of_text)
    return signs, looks


@lru_cache(4096)
def _signs(text: str) -> tuple[str, ...]:
    """A text by cells. One that has anything but signs of one cell is not taken apart: terminals disagree on those."""
    if text.isascii() or all(get_character_cell_size(sign) == 1 for sign in text):
        return tuple(text)
    length = cell_len(text)
    return (text, *[""] * (length - 1)) if length else ()


@lru_cache(4096)
def _look(codes: str, blank: bool) -> Look:
    """The look that a style's numbers make; of blanks the background and what lines are drawn through them."""
    attributes, fore, back = set(), "", ""
    numbers = codes.split(";") if codes else []
    while numbers:
        number = numbers.pop(0)
        if number in ("38", "48"):
            count = 4 if numbers[0] == "2" else 2
            colour = ";".join([number, *numbers[:count]])
            del numbers[:count]
            fore, back = (colour, back) if number == "38" else (fore, colour)
        elif number in ("39", "49"):
            continue
        elif len(number) > 1 and number[:-1] in ("3", "9"):
            fore = number
        elif len(number) > 1 and number[:-1] in ("4", "10"):
            back = number
        else:
            attributes.add(number)
    if blank and not attributes.intersection(_NO_LINE):
        return _one(frozenset(), "", back)
    return _one(frozenset(attributes), fore, back)


@lru_cache(None)
def _one(attributes: frozenset[str], fore: str, back: str) -> Look:
    """Equal looks are the same one, so that they are compared at no cost."""
    return PLAIN if (attributes, fore, back) == PLAIN else Look(attributes, fore, back)


@lru_cache(4096)
def _change(before: Look, now: Look) -> str:
    """What makes the terminal go from one look to another, in as few bytes as it takes."""
    if before is now:
        return ""
    whole = [*sorted(now.attributes), *filter(None, (now.fore, now.back))]
    anew = ";".join(["0", *whole]) if before is not PLAIN else ";".join(whole)
    if before.attributes <= now.attributes:
        step = sorted(now.attributes - before.attributes)
        step += [now.fore or "39"] if now.fore != before.fore else []
        step += [now.back or "49"] if now.back != before.back else []
        anew = min(anew, ";".join(step), key=len)
    return f"\x1b[{anew}m"


# --- the toolkit's side ----------------------------------------------------------------------------------------------


class PaintedCompositor(Compositor):
    """The toolkit's, with what it paints written by the app's painting."""

    def __init__(self, painting: Callable[[], Painting]) -> None:
        super().__init__()
        self._painting = painting

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """All of the screen."""
        whole = super().render_full_update(simplify)
        return _Whole(whole.strips, whole.region, self._painting())

    def render_partial_update(self) -> ChopsUpdate | None:
        """What is painted anew."""
        some = super().render_partial_update()
        if some is None:
            return None
        return _Some(some, self.size.width, self._painting())


class _Whole(LayoutUpdate):
    def __init__(self, strips: list[Iterable[Strip]], region: Region, painting: Painting) -> None:
        super().__init__(strips, region)
        self._painting = painting

    def render_segments(self, console: Console) -> str:
        lines = enumerate(self.strips, self.region.y)
        parts = ((y, self.region.x, Strip.join(list(line))) for y, line in lines)
        return self._painting.written(parts, self.region.width, _system(console))


class _Some(ChopsUpdate):
    def __init__(self, update: ChopsUpdate, width: int, painting: Painting) -> None:
        super().__init__(update.chops, update.spans, update.chop_ends)
        self._width = width
        self._painting = painting

    def render_segments(self, console: Console) -> str:
        return self._painting.written(self._parts(), self._width, _system(console))

    def _parts(self) -> Iterator[Part]:
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, last)
                if strip is not None and left < right:
                    yield y, left, strip.crop(left - x, right - x)


def _system(console: Console) -> ColorSystem:
    return COLOR_SYSTEMS.get(console.color_system or "", ColorSystem.TRUECOLOR)
