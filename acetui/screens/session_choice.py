"""Choosing a session: a list of those that there are, with when they were used last, and a field for a new one."""

from __future__ import annotations

import asyncio
import time
from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from acetui.how_long import age
from acetui.panes.heading import Heading
from acetui.panes.prompt import Line
from acetui.screens.keyed import KeyedScreen
from acetui.session_list import KnownSession, known_sessions
from engine.errors import EngineError
from sessions.places import session_path


class SessionRows(Widget, can_focus=True):
    """A line a session."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sessions--chosen",
        "sessions--quiet",
        "sessions--open",
        "sessions--trouble",
    }

    DEFAULT_CSS = """
    SessionRows { height: 1fr; }
    SessionRows > .sessions--chosen { color: $cursor-text; background: $cursor; text-style: $cursor-style; }
    SessionRows > .sessions--quiet { color: $quiet; }
    SessionRows > .sessions--open { color: $success; }
    SessionRows > .sessions--trouble { color: $error; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[KnownSession] = []
        self.chosen = 0
        self.trouble = ""
        self._now = time.time()

    def show(self, sessions: list[KnownSession]) -> None:
        """Shows these; their ages are as of now, and stand still."""
        self.sessions = sessions
        self._now = time.time()
        self.refresh()

    def move(self, by: int) -> None:
        """Chooses another one."""
        chosen = min(max(self.chosen + by, 0), max(len(self.sessions) - 1, 0))
        if chosen != self.chosen:
            self.chosen = chosen
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        self.move(event.y + self._first - self.chosen)

    @property
    def _first(self) -> int:
        return max(0, self.chosen - self.size.height + 2)

    def render_line(self, y: int) -> Strip:
        """A session, or what there is to say below the last one."""
        at, width = y + self._first, self.size.width
        if at < len(self.sessions):
            return Strip(self._row(at)).adjust_cell_length(width, self.rich_style)
        said = wrap(self.trouble, max(width - 4, 20)) if self.trouble else []
        if not self.sessions and not said:
            said = ["There is no session yet; n makes one."]
        words = said[at - len(self.sessions)] if at - len(self.sessions) < len(said) else ""
        style = self._style("trouble") if self.trouble else self._style("quiet")
        return Strip([Segment(f"  {words}", style)]).adjust_cell_length(width, self.rich_style)

    def _row(self, at: int) -> list[Segment]:
        known = self.sessions[at]
        used = age(self._now - known.used) if known.used else ""
        takes = f"{known.takes} take{'' if known.takes == 1 else 's'}"
        where = "open" if known.studio == "here" else f"open on {known.studio}" if known.studio else ""
        name = known.folder.name
        if at == self.chosen:
            words = f"  {name:<30} {used:>7}  {takes:>12}  {where}"
            return [Segment(words.ljust(self.size.width), self._style("chosen"))]
        return [
            Segment(f"  {name:<30} ", self.rich_style),
            Segment(f"{used:>7}  {takes:>12}  ", self._style("quiet")),
            Segment(where, self._style("open")),
        ]

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"sessions--{part}")


class SessionChoice(KeyedScreen):
    """Which session to open. ``leaves`` says that there is none behind it: closing it leaves the program."""

    SCOPE = "sessions"

    def __init__(self, *, leaves: bool = False) -> None:
        super().__init__()
        self._leaves = leaves
        self._heading = Heading("sessions")
        self._rows = SessionRows()
        self._line = Line(
            id="sessions-line", compact=True, select_on_focus=False, placeholder="the name of a new session, or a path"
        )

    def compose(self) -> ComposeResult:
        """The sessions, and a field for a name."""
        yield self._heading
        yield self._rows
        yield self._line

    async def on_mount(self) -> None:
        """All sessions, the latest first."""
        self._line.display = False
        self._heading.show(active=True, note="enter opens, n makes a new one")
        self.studio.dressing.dress(self)
        self.set_focus(self._rows)
        self._rows.show(await asyncio.to_thread(known_sessions))

    def move(self, by: int) -> None:
        """Chooses another session."""
        self._rows.move(by)

    def open_chosen(self) -> None:
        """Opens the session that is chosen."""
        if self._rows.sessions:
            self.studio.open_session(self._rows.sessions[self._rows.chosen].folder)

    def ask_name(self) -> None:
        """A name for a new session."""
        self._line.display = True
        self.set_focus(self._line)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            folder = session_path(event.value.strip())
        except EngineError as error:
            self._rows.trouble = str(error)
            self._rows.refresh()
            return
        if "/" in event.value and not folder.parent.is_dir():
            self._rows.trouble = f"There is no folder {folder.parent}. Make it first, or give a name."
            self._rows.refresh()
            return
        self.studio.open_session(folder)

    def leave(self) -> None:
        """Closes the field, then the list, then the program where there is nothing behind it."""
        if self._line.display:
            self._line.display = False
            self._rows.trouble = ""
            self.set_focus(self._rows)
        elif self._leaves:
            self.studio.exit()
        else:
            self.makes_room()

    def makes_room(self) -> bool:
        """Goes, if there is a session behind it."""
        return not self._leaves and super().makes_room()
