"""The spectrogram of a take over the whole screen, with where one is while it plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import work
from textual.app import ComposeResult

from acetui.how_long import clock_time
from acetui.keyboard.keys import shown
from acetui.looks.themes import MONO
from acetui.panes.heading import Heading
from acetui.panes.spectrogram import SpectrogramBody
from acetui.screens.keyed import KeyedScreen
from engine.errors import EngineError


class Spectrogram(KeyedScreen):
    """One take; ``take`` is all of it."""

    SCOPE = "spectrogram"

    def __init__(self, take: Mapping[str, Any]) -> None:
        super().__init__()
        self.take = take
        self.heading = Heading(f"take {take['number']}: what sounds when, from 40 Hz at the foot to 16 kHz")
        self.body = SpectrogramBody()

    def compose(self) -> ComposeResult:
        """Heading and picture."""
        yield self.heading
        yield self.body

    def on_mount(self) -> None:
        """It has the colours of the theme."""
        closes = [f"{shown(key)} closes" for key in self.studio.keymap.keys("spectrogram-close")[:1]]
        self.heading.show(active=True, note="".join(closes))
        self.body.looks = self.studio.looks
        theme = self.studio.dressing.theme
        if theme.name != MONO:
            self.body.ground, self.body.ink = theme.colours["background"], theme.colours["playhead"]

    def on_resize(self) -> None:
        """Another number of cells fits: it is asked for in that size."""
        self.call_after_refresh(self._fetch)

    @work(exclusive=True, exit_on_error=False)
    async def _fetch(self) -> None:
        try:
            found = await self.studio.link.client.spectrogram(self.take["number"], *self.body.asked)
        except EngineError as error:
            self.studio.complain(error)
            self.studio.perform("spectrogram-close")
            return
        self.body.show(found["rows"])
        self.show_heard()

    def take_changed(self, take: Mapping[str, Any]) -> None:
        """What is thought of it is not shown here."""

    def show_heard(self) -> None:
        """Something else is heard, or it has gone on."""
        playhead = self.studio.listening.playhead
        here = playhead is not None and playhead.number == self.take["number"] and not playhead.alias
        self.body.show_playhead(playhead.second / playhead.seconds if playhead is not None and here else None)
        if playhead is not None and here:
            self.heading.show(note=f"{clock_time(playhead.second)} / {clock_time(playhead.seconds)}")
