"""The first line: what the machine is doing."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from acetui.studio_state import Connection, StudioState


class StatusLine(Widget):
    """One line, drawn anew only when what it says differs."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._text = ""

    def show(self, state: StudioState) -> None:
        """Shows the state."""
        text = _words(state)
        if text != self._text:
            self._text = text
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        return Strip([Segment(f" {self._text}", self.rich_style)]).adjust_cell_length(self.size.width, self.rich_style)


def _words(state: StudioState) -> str:
    words = [state.name, f"rev {state.revision}"]
    if state.connection is not Connection.THERE:
        return "  ".join([*words, state.trouble or "connecting"])
    words.append(f"loop {state.loop.state}")
    if state.progress is not None:
        words.append(f"{state.progress.stage} {state.progress.done}/{state.progress.total}")
    if state.sketch:
        words.append("sketch model")
    return "  ".join(words)
