"""What sounds when and how high, as cells: two rows of tones in each, the lower one as its ground."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.colours import blend, is_colour
from acetui.looks.signs import UNICODE, Looks

LEVELS = 16
_UPPER_HALF = "▀"
_SHADES = " .:-=+*#%@"

Picture = Sequence[Sequence[int]]
"""Levels from 0 to 15 in rows, the lowest tones first."""


class SpectrogramBody(Widget):
    """The picture. ``ground`` and ``ink`` are the colours of nothing and of the loudest; none draws it with signs."""

    def __init__(self, looks: Looks | None = None) -> None:
        super().__init__()
        self.looks = looks or Looks(UNICODE, "")
        self.ground = self.ink = ""
        self.picture: Picture = ()
        self.playhead: float | None = None
        """How far in the take one is, from 0 to 1."""

    @property
    def asked(self) -> tuple[int, int]:
        """In how many columns and rows it can be drawn."""
        return max(self.size.width, 1), max(self.size.height * (2 if self._coloured else 1), 1)

    def show(self, picture: Picture) -> None:
        """Shows a picture."""
        self.picture = picture
        self.refresh()

    def show_playhead(self, share: float | None) -> None:
        """Shows where one is; drawn where it is in another column."""
        if self._column(share) != self._column(self.playhead):
            self.playhead = share
            self.refresh()
        self.playhead = share

    def render_line(self, y: int) -> Strip:
        """A row of cells."""
        width, rows = self.size.width, len(self.picture)
        here = self._column(self.playhead)
        per_cell = 2 if self._coloured else 1
        top = rows - 1 - y * per_cell
        if not 0 <= top < rows:
            return Strip.blank(width, self.rich_style)
        upper, lower = self.picture[top], self.picture[max(top - per_cell + 1, 0)]
        segments = []
        for column in range(width):
            at = column * len(upper) // width
            if column == here:
                segments.append(Segment(self.looks.glyphs.playhead, self.rich_style))
            elif self._coloured:
                segments.append(Segment(_UPPER_HALF, self._style(upper[at], lower[at])))
            else:
                segments.append(Segment(_SHADES[upper[at] * (len(_SHADES) - 1) // (LEVELS - 1)], self.rich_style))
        return Strip(segments, width).simplify()

    @property
    def _coloured(self) -> bool:
        return is_colour(self.ground) and is_colour(self.ink) and not self.looks.ascii

    def _column(self, share: float | None) -> int | None:
        return None if share is None else min(int(share * self.size.width), self.size.width - 1)

    def _style(self, upper: int, lower: int) -> Style:
        return Style(color=_shade(self.ground, self.ink, upper), bgcolor=_shade(self.ground, self.ink, lower))


@cache
def _shade(ground: str, ink: str, level: int) -> Color:
    return Color.parse(blend(ground, ink, level / (LEVELS - 1)))
