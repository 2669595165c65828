"""The outline of a take over the whole width, with the part that is to be made anew in reverse, and where one is."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from acetui.browsing.row_text import Outline
from acetui.browsing.waveform import cell_at, drawn, spans
from acetui.how_long import clock_time
from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.panes.differing import region_of

_REVERSED = Style(reverse=True)


class RegionWave(Widget):
    """Rows of an outline, and a line with times beneath them. Only what differs is painted."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"region-wave--{kind}" for kind in ("wave", "wave-played", "playhead", "quiet")
    }

    DEFAULT_CSS = """
    RegionWave { height: 2fr; min-height: 3; max-height: 10; width: 1fr; }
    RegionWave > .region-wave--wave { color: $wave; }
    RegionWave > .region-wave--wave-played { color: $wave-played; }
    RegionWave > .region-wave--playhead { color: $playhead; }
    RegionWave > .region-wave--quiet { color: $quiet; }
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.looks = Looks(UNICODE, BRAILLE)
        self.seconds = seconds
        self._outline: Outline = ((), ())
        self._region: tuple[float, float] | None = None
        self._playhead: float | None = None
        self._strips: list[Strip] = []

    def looks_changed(self, looks: Looks) -> None:
        """Draws with other signs."""
        self.looks = looks
        self._draw()

    def show(self, outline: Outline | None, region: tuple[float, float] | None, playhead: float | None) -> None:
        """Shows this outline as far as it is known, with a region and a place in seconds."""
        self._outline, self._region, self._playhead = outline or ((), ()), region, playhead
        self._draw()

    def on_resize(self) -> None:
        """More or fewer cells."""
        self._draw()

    def render_line(self, y: int) -> Strip:
        """A row of the outline, or the times."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        before, self._strips = self._strips, [*self._rows(width, height - 1), self._times(width)]
        regions = [region_of(before[y] if y < len(before) else None, strip, y) for y, strip in enumerate(self._strips)]
        self.refresh(*[region for region in regions if region is not None])

    def _rows(self, width: int, height: int) -> list[Strip]:
        found = spans(width, self.seconds, self._playhead, self._region)
        rows = drawn(*self._outline, width, height, self.looks.waveform)
        return [
            Strip(
                [
                    Segment(
                        self.looks.glyphs.playhead if span.kind == "playhead" else row[span.start : span.end],
                        self._style(span.kind) + (_REVERSED if span.region else Style()),
                    )
                    for span in found
                ],
                width,
            )
            for row in rows
        ]

    def _times(self, width: int) -> Strip:
        """The beginning and the end of the take, and between them those of the region, as far as there is room."""
        line = [" "] * width
        end = clock_time(self.seconds)
        words = [(0, "0:00"), (width - len(end), end)]
        for second in self._region or ():
            text = clock_time(second)
            at = min(cell_at(second, self.seconds, width), width - len(text))
            if all(at > start + len(other) or at + len(text) < start for start, other in words):
                words.append((at, text))
        for start, text in words:
            line[max(start, 0) : start + len(text)] = text
        return Strip([Segment("".join(line)[:width], self._style("quiet"))]).adjust_cell_length(width)

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"region-wave--{kind}")
