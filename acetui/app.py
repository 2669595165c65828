"""The studio in a terminal: what it knows, whom it asks, and where the keys go. Nothing of music is decided here.

Torch is never imported in this process, and the connection's library only after the first picture.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.filter import LineFilter

from acetui import studio_state
from acetui.acting import ActingApp
from acetui.browsing.take_book import TakeBook
from acetui.browsing.take_details import TakeDetails
from acetui.browsing.take_feed import TakeFeed
from acetui.keyboard.keys import Keymap
from acetui.link import Link
from acetui.looks.signs import Looks
from acetui.looks.terminal_settings import AS_SHIPPED, Found
from acetui.looks.themes import DARK, shipped
from acetui.screens.dressing import Dressing
from acetui.screens.over_desk import FollowsTakes, ShowsState
from acetui.screens.painting import Painting
from acetui.screens.themed import variables
from acetui.screens.writing import Writing
from acetui.studio_state import StudioState
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.browsing.undo import UndoLog
    from acetui.client import Client
    from acetui.hearing.elsewhere import Elsewhere
    from acetui.listening import Listening
    from acetui.panes.metadata import MetadataPane
    from acetui.panes.take import TakeBody
    from acetui.panes.take_list import TakeList
    from acetui.screens.desk import Desk


@cache
def _defaults() -> Mapping[str, str]:
    return variables(shipped(DARK))


class StudioApp(ActingApp, inherit_bindings=False):
    """One session on the screen. Returns what there is to say after leaving, if anything."""

    CSS_PATH = "acetui.tcss"
    TITLE = "acetui"
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012  (Textual types them so)

    def __init__(
        self,
        session: Path,
        *,
        connect: Callable[[], Awaitable[Client]],
        keymap: Keymap | None = None,
        notices: Sequence[str] = (),
        found: Found | None = None,
        opens_with: str = "",
        elsewhere: Elsewhere | None = None,
    ) -> None:
        super().__init__()
        self.elsewhere = elsewhere
        self.painting = Painting()
        """What stands on the terminal."""

        self.dressing = Dressing(self, found or AS_SHIPPED)
        self.session_folder = session
        self.keymap = keymap or Keymap()
        self.state = StudioState(session.name)
        self.link = Link(connect, self)
        self.writing = Writing(session, lambda: self.desk, lambda: self.link.client)
        self.book = TakeBook()
        self.feed = TakeFeed(self.book, lambda: self.link.client, self._takes_changed, self.complain)
        self.details = TakeDetails(lambda: self.link.client, self._take_changed)
        self.notices = notices
        """What there is to say to begin with, about keys and settings."""

        self.opens_with = opens_with
        """What lies over the desk to begin with: welcome, sessions (and then nothing is connected), or nothing."""

        self.next_session: Path | None = None
        """The session to open after this one."""

        self.ends_studio = False
        """Whether the studio is to end with the terminal."""

        self._early: list[events.Key] = []
        """Keys that were pressed before the desk was complete."""

        self.animation_level = "none"

    def get_default_screen(self) -> Desk:
        """The desk."""
        from acetui.screens.desk import Desk

        desk = Desk(self.book, self.feed.outlines)
        # Known before the toolkit says so: it would give every widget its styles once more for each.
        for breakpoints, cells in (
            (self.HORIZONTAL_BREAKPOINTS, self.size.width),
            (self.VERTICAL_BREAKPOINTS, self.size.height),
        ):
            fitting = sorted((least, name) for least, name in breakpoints or () if cells >= least)
            desk.add_class(*(name for _, name in fitting[-1:]))
        return desk

    @cached_property
    def listening(self) -> Listening:
        """What is heard. The first who asks comes after the first picture."""
        from acetui.listening import Listening

        made = Listening(
            lambda: self.link.client, self.session_folder, self.details.whole, self.playing_changed, self.complain
        )
        made.use(self.dressing.settings)
        made.sounds.elsewhere = self.elsewhere
        return made

    @cached_property
    def undo_log(self) -> UndoLog:
        """What was done to takes here."""
        from acetui.browsing.undo import UndoLog

        return UndoLog()

    @property
    def looks(self) -> Looks:
        """What is drawn with which signs."""
        return self.dressing.looks

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The variables of the style sheet that the toolkit's own themes lack."""
        return dict(_defaults())

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to everything that is drawn."""
        return self.dressing.filters(super().get_line_filters())

    def refresh_css(self, animate: bool = True) -> None:
        """Styles everything anew. As long as there is no screen there is nothing to style."""
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def on_mount(self) -> None:
        """The desk says when it is complete, see ``begin``."""
        self.app_resume_signal.subscribe(self, lambda _: self.painting.forget())
        self.dressing.begin()

    async def on_event(self, event: events.Event) -> None:
        """Keys are looked up before any widget has them, see ``KeyedScreen.takes_key``."""
        from acetui.screens.keyed import KeyedScreen

        if isinstance(event, events.Resize):
            self.painting.forget()
        if isinstance(event, events.Key) and not self.desk.complete:
            self._early.append(event)
            return
        if isinstance(event, events.Key) and not event.is_forwarded and isinstance(self.screen, KeyedScreen):
            if await self.screen.takes_key(event):
                return
            self.screen.key_pressed()
        await super().on_event(event)

    def begin(self) -> None:
        """The desk is complete: looks for the studio, and for what a person has typed since they called."""
        for event in self._early:
            self.post_message(event)
        # What has been made until here stays: the collector need not look at it with every key.
        gc.freeze()
        gc.enable()
        for notice in (*self.notices, *map(str, self.dressing.problems)):
            self.complain(notice)
        self.run_worker(self.finish(self.writing.begin()), name="writing", exit_on_error=False)
        if self.opens_with == "sessions":
            self._choose_session()
            return
        self.run_worker(self.link.run(), name="link", exit_on_error=False)
        if self.opens_with == "welcome":
            self.perform("welcome")

    def _choose_session(self) -> None:
        from acetui.screens.session_choice import SessionChoice

        self.push_screen(SessionChoice(leaves=True))

    def open_session(self, folder: Path) -> None:
        """Goes on with another session: this one is left as it is. The one that is open stays open."""
        if folder.resolve() == self.session_folder.resolve() and self.opens_with != "sessions":
            self.pop_screen()
            return
        self.next_session = folder
        self.exit()

    async def on_unmount(self) -> None:
        """The last words are kept."""
        await self.writing.close()
        await self.listening.close()

    # --- what the studio says ----------------------------------------------------------------------------------------

    def on_attached(self, session: Mapping[str, Any]) -> None:
        """The studio is there."""
        self._is(studio_state.attached(self.state, session, time.monotonic()))
        if "listening" in session:
            self.listening.studio_says({"event": "listening", **session["listening"]})
        self.run_worker(self.finish(self._drafts_back()), name="drafts", exit_on_error=False)
        self.feed.attached()
        self.details.forget()

    def on_studio_event(self, event: Mapping[str, Any]) -> None:
        """Something happened in the studio."""
        self._is(studio_state.happened(self.state, event, time.monotonic()))
        self.feed.happened(event)
        self.listening.studio_says(event)
        if event["event"] in ("take", "changed"):
            self.details.changed(event["take"])
            if isinstance(self.screen, FollowsTakes):
                self.screen.take_changed(event["take"])
        elif event["event"] == "scored":
            self.details.scored(event)
        self.desk.on_studio_event(event)
        if event["event"] == "recipe":
            self._ask_again()
        elif event["event"] == "models" and event["state"] in ("done", "failed"):
            from acetui.doing.beginning import fetching_ended

            fetching_ended(self, event)

    async def _drafts_back(self) -> None:
        if message := await self.writing.attached():
            self.say(message)

    def on_words_pane_typed(self) -> None:
        """Somebody types."""
        self.writing.typed()

    def on_metadata_pane_typed(self, event: MetadataPane.Typed) -> None:
        """An entry of the form holds another text."""
        self.writing.type(event.name, event.text)

    @work(group="session", exclusive=True, exit_on_error=False)
    async def _ask_again(self) -> None:
        """The event names the revision, the session has its content."""
        with contextlib.suppress(EngineError):  # the line is broken, and mended by asking for the session
            session = await self.link.client.session()
            self._is(studio_state.attached(self.state, session, time.monotonic()))

    def _takes_changed(self) -> None:
        self.desk.takes.sync()
        if self.details.take is not None:  # its row may say more than it did
            self._take_changed()

    def _take_changed(self) -> None:
        number = self.details.number
        row = None if number is None else self.book.row(number)
        verified = None if number is None else self.details.verified.get(number)
        self.desk.take.show_take(row, self.details.take, self.details.outline, verified)
        self.playing_changed()

    def playing_changed(self) -> None:
        """Something else is heard, or it has gone on for a second."""
        playhead = self.listening.playhead
        self.desk.take.show_playing(playhead, self.details.number)
        shown = playhead is not None and playhead.playing and not playhead.alias
        playing = playhead.number if playhead is not None and shown else None
        if playing != self.desk.takes.playing:
            self.desk.takes.playing = playing
            self.desk.takes.sync()
        if isinstance(self.screen, FollowsTakes):
            self.screen.show_heard()

    def on_take_list_moved(self, event: TakeList.Moved) -> None:
        """The cursor is on another take."""
        self.details.columns = self.desk.take.columns
        self.details.select(event.number)
        self.listening.selected(event.number)
        near = self.book.list.lines[max(self.book.at - 1, 0) : self.book.at + 2]
        self.listening.sounds.look_ahead([number for number in near if number > 0])

    def on_take_list_looked(self) -> None:
        """Other takes are in sight."""
        self.feed.looked()

    def on_take_list_opened(self) -> None:
        """A take was clicked twice."""
        self.perform("play-from-start")

    def on_take_body_sought(self, event: TakeBody.Sought) -> None:
        """The outline of the take under the cursor was clicked."""
        from acetui.doing.listening import play_from

        self.run_worker(self.finish(play_from(self, event.share)), name="seek", exit_on_error=False)

    def on_lost(self, error: EngineError) -> None:
        """The studio does not answer."""
        self._is(studio_state.lost(self.state, error.error))

    def _is(self, state: StudioState) -> None:
        if state != self.state:
            self.state = state
            self.desk.show(state)
            if isinstance(self.screen, ShowsState):
                self.screen.show_state(state)
            self.writing.follow(state)
