"""The pane of the take under the cursor: its outline over the width, and beneath it what is worth knowing of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from acetui.browsing import take_facts
from acetui.browsing.row_text import Outline
from acetui.browsing.take_facts import Line
from acetui.browsing.take_rows import Row
from acetui.browsing.waveform import drawn, spans
from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.looks.text_cells import cut, filled
from acetui.panes.differing import region_of
from acetui.panes.heading import Heading
from acetui.playhead import Playhead

_PLAIN, _IN_REGION = Style(), Style(underline=True)

MOST_WAVE = 9
"""Rows of the outline; more tell nothing more."""


class TakeBody(Widget):
    """The outline and the words. It cannot have the focus: whatever is done to the take is done from the list."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"take--{kind}" for kind in ("wave", "wave-played", "playhead", "text", "quiet", "trouble", "mark")
    }

    class Sought(Message):
        """The outline was clicked, so far through the take: 0 at its beginning, 1 at its end."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self) -> None:
        super().__init__()
        self._looks = Looks(UNICODE, BRAILLE)
        self._facts: tuple[Line, ...] = ()
        self._outline: Outline | None = None
        self._lines: list[Line] = []
        self._playhead: Playhead | None = None
        self._heard = ""
        self._drawn: list[Strip] = []

    @property
    def looks(self) -> Looks:
        """The signs to draw with; the outline is drawn anew with others."""
        return self._looks

    @looks.setter
    def looks(self, looks: Looks) -> None:
        self._looks = looks
        self.lay_out()

    def show(self, facts: tuple[Line, ...], outline: Outline | None) -> None:
        """Shows these words, and this outline above them."""
        self._facts, self._outline = facts, outline
        self.lay_out()

    def show_playhead(self, playhead: Playhead | None, words: str) -> None:
        """Shows in ``words`` what is heard, and in the outline where; without a playhead that is of another take."""
        if (playhead, words) != (self._playhead, self._heard):
            self._playhead, self._heard = playhead, words
            self.lay_out()

    def lay_out(self) -> None:
        """Works the lines out, and draws those that differ."""
        before, self._lines = self._drawn, self._laid_out()
        self._drawn = [self.render_line(y) for y in range(len(self._lines))] if self.size.width else []
        regions = [region_of(before[y] if y < len(before) else None, line, y) for y, line in enumerate(self._drawn)]
        if stale := [region for region in regions if region is not None]:
            self.refresh(*stale)

    def on_resize(self) -> None:
        """Another number of lines fits."""
        self.lay_out()

    def on_click(self, event: events.Click) -> None:
        """A click into the outline goes there in the music."""
        if event.y < len(self._lines) and self._lines[event.y][1] in ("wave", "head") and self.size.width > 2:
            self.post_message(self.Sought(min(max((event.x - 1) / (self.size.width - 2), 0.0), 1.0)))

    def render_line(self, y: int) -> Strip:
        """A line."""
        text, kind = self._lines[y] if y < len(self._lines) else ("", "text")
        text, width = filled(text, self.size.width), self.size.width
        if kind == "head" and self._playhead is not None:
            return Strip(self._played(text, self._playhead), width)
        return Strip([Segment(text, self._style(kind))], width)

    def _played(self, text: str, playhead: Playhead) -> list[Segment]:
        """A row of the outline: what was heard, where one is, the region, and what is still to come."""
        last = len(text) - 1
        found = [Segment(text[:1], self._style("wave"))]
        for span in spans(last - 1, playhead.seconds, playhead.second, playhead.region):
            style = self._style(span.kind) + (_IN_REGION if span.region else _PLAIN)
            sign = self.looks.glyphs.playhead if span.kind == "playhead" else text[1 + span.start : 1 + span.end]
            found.append(Segment(sign, style))
        return [*found, Segment(text[last:], self._style("wave"))]

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"take--{kind}")

    def _laid_out(self) -> list[Line]:
        """The outline has what the words leave, and a quarter of the height at least."""
        width, height = max(self.size.width - 2, 0), self.size.height
        facts = ((self._heard, "playhead"), *self._facts) if self._heard else self._facts
        wave = min(max(height - len(facts), (height + 3) // 4), MOST_WAVE) if self._facts else 0
        low, high = self._outline or ((), ())
        rows = drawn(low, high, width, wave, self.looks.waveform)
        # One row alone says where one is.
        head = len(rows) // 2 if self._playhead is not None else -1
        found: list[Line] = [(f" {row}", "head" if y == head else "wave") for y, row in enumerate(rows)]
        found += [(f" {cut(words, width, self.looks.glyphs.more)}", kind) for words, kind in facts]
        return (found + [("", "text")] * height)[:height]


class TakePane(Vertical):
    """The take under a heading with its number, its name and where it comes from."""

    SCOPE = "take"

    def __init__(self) -> None:
        super().__init__(id="take", classes="pane")
        self.heading = Heading("take")
        self.body = TakeBody()

    def compose(self) -> ComposeResult:
        """Heading and body."""
        yield self.heading
        yield self.body

    @property
    def columns(self) -> int:
        """How many columns of an outline can be drawn."""
        return max(2 * self.body.size.width, 80)

    def show_playing(self, playhead: Playhead | None, here: int | None) -> None:
        """Shows what is heard; where it is the take that is shown ``here``, in its outline too."""
        looks = self.body.looks
        is_here = playhead is not None and playhead.number == here and not playhead.alias
        words = "" if playhead is None else playhead.words(looks, here=is_here)
        self.body.show_playhead(playhead if is_here else None, words)

    def show_take(
        self, row: Row | None, take: Mapping[str, Any] | None, outline: Outline | None, verified: bool | None
    ) -> None:
        """Shows a take, as much of it as is known; None where there is none."""
        looks = self.body.looks
        self.heading.show(name="take" if row is None else take_facts.heading(row, looks, verified))
        facts = take_facts.lines(take, row, looks, time.time()) if row is not None and take is not None else []
        self.body.show(tuple(facts), outline)
