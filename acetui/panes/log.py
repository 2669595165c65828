"""The log: what was said, by the studio and by the terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from acetui.panes.heading import Heading

KEPT = 1000


class LogRows(Widget, can_focus=True):
    """The last lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[tuple[str, str]] = deque(maxlen=KEPT)

    def render_line(self, y: int) -> Strip:
        """One line."""
        at = len(self.lines) - self.size.height + y if len(self.lines) > self.size.height else y
        text = " ".join(self.lines[at]) if at < len(self.lines) else ""
        return Strip([Segment(f" {text}", self.rich_style)]).adjust_cell_length(self.size.width, self.rich_style)


class LogPane(Vertical):
    """The log under its heading."""

    SCOPE = "log"

    def __init__(self) -> None:
        super().__init__(id="log", classes="pane")
        self.rows = LogRows()

    def compose(self) -> ComposeResult:
        """Heading and rows."""
        yield Heading("log")
        yield self.rows

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.rows)

    def add(self, kind: str, text: str) -> None:
        """Adds a line."""
        self.rows.lines.append((kind, text))
        if self.display:
            self.rows.refresh()

    def studio_event(self, event: Mapping[str, Any]) -> None:
        """Adds what the studio says."""
        if event["event"] == "notice":
            self.add("notice", str(event["text"]))
        elif event["event"] == "error":
            self.add("error", f"{event['error']} {event.get('hint') or ''}")
