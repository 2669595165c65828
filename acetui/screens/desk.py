"""The main screen: status line, panes, key bar. It lays out, hands values to panes, and knows where the focus is.

The first picture has the list of takes, with room beside it for the texts; what those need is loaded while a person
already looks at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from acetui.browsing.row_text import Outline
from acetui.browsing.take_book import TakeBook
from acetui.keyboard.keys import Typed, shown
from acetui.panes.heading import Heading
from acetui.panes.key_bar import KeyBar, rows_of
from acetui.panes.status import StatusLine
from acetui.panes.take import TakePane
from acetui.panes.takes import TakesPane
from acetui.screens.keyed import KeyedScreen
from acetui.studio_state import StudioState
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.panes.caption import CaptionPane
    from acetui.panes.log import LogPane
    from acetui.panes.lyrics import LyricsPane
    from acetui.panes.metadata import MetadataPane
    from acetui.panes.palette import Entry, Palette
    from acetui.panes.prompt import Completing, Prompt
    from acetui.panes.said import Said

    Pane = CaptionPane | LyricsPane | MetadataPane | TakesPane | LogPane


class Desk(KeyedScreen):
    """Panes around a list of takes. ``complete`` says whether all of them are there."""

    caption: CaptionPane
    lyrics: LyricsPane
    metadata: MetadataPane
    log_pane: LogPane
    prompt: Prompt
    palette: Palette
    said: Said

    def __init__(self, book: TakeBook, outlines: Mapping[int, Outline]) -> None:
        super().__init__()
        self.status = StatusLine()
        self.takes = TakesPane(book, outlines)
        self.take = TakePane()
        self.key_bar = KeyBar()
        self._answer: asyncio.Future[str | None] | None = None
        self._told_while_typing: Callable[[str], None] | None = None
        self._asked_from: Widget | None = None
        self._styled = False
        self.complete = False

    def compose(self) -> ComposeResult:
        """Top to bottom; where the terminal is wide the texts stand left of the takes (acetui.tcss)."""
        yield self.status
        with Horizontal(id="body"):
            yield Vertical(id="words")
            with Vertical(id="music"):
                yield self.takes
                yield self.take
        yield self.key_bar

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Every widget has got its styles a moment ago, when it was mounted: not again for the first picture."""
        event.refresh_styles, self._styled = self._styled, True

    def on_mount(self) -> None:
        """The list of takes has the keys to begin with."""
        self.studio.dressing.put_on()
        self.show(self.studio.state)
        self.takes.take_focus()
        self.call_after_refresh(self._complete)

    async def _complete(self) -> None:
        """What the first picture does not show comes after it."""
        from acetui.panes.caption import CaptionPane
        from acetui.panes.log import LogPane
        from acetui.panes.lyrics import LyricsPane
        from acetui.panes.metadata import MetadataPane
        from acetui.panes.palette import Palette
        from acetui.panes.prompt import Prompt
        from acetui.panes.said import Said

        self.caption, self.lyrics, self.metadata = CaptionPane(), LyricsPane(), MetadataPane()
        self.log_pane, self.palette, self.prompt, self.said = LogPane(), Palette(), Prompt(), Said()
        words, below = (self.caption, self.lyrics, self.metadata), (self.log_pane, self.palette, self.said, self.prompt)
        await self.query_one("#words").mount_all(words)
        await self.mount_all(below, before=self.key_bar)
        for widget in (*words, *below):
            self.studio.dressing.dress(widget)
        self.complete = True
        self.show(self.studio.state)
        self.studio.begin()

    # --- what is shown -----------------------------------------------------------------------------------------------

    def show(self, state: StudioState) -> None:
        """Gives every pane what it is to show."""
        if not self.is_mounted:
            return
        for pane in (self.status, self.takes):
            pane.show(state)

    def on_studio_event(self, event: Mapping[str, Any]) -> None:
        """Something happened in the studio."""
        self.log_pane.studio_event(event)

    def say(self, message: str) -> None:
        """Tells something until the next key."""
        self._say(message)
        self.log_pane.add("said", message)

    def complain(self, error: EngineError) -> None:
        """Tells what went wrong until the next key."""
        self._say(str(error), trouble=True)
        self.log_pane.add("error", str(error))

    def hint(self, message: str, *, trouble: bool = False) -> None:
        """Tells something that is of use only while a person types, until the next key."""
        self._say(message, trouble=trouble)

    def _say(self, message: str, *, trouble: bool = False) -> None:
        """What is too long for the last line stands above it as well."""
        apart = self.has_class("-asking") and len(rows_of(message, self.size.width)) > 1
        self.key_bar.say("" if apart else message, trouble=trouble)
        self.said.show(message, self.size.width, trouble=trouble, whole=apart)

    # --- where the keys go -------------------------------------------------------------------------------------------

    def panes(self) -> list[Pane]:
        """The panes that can have the keys, in the order of Tab."""
        if not self.complete:
            return [self.takes]
        panes: list[Pane] = [self.takes, self.caption, self.lyrics, self.metadata]
        return [*panes, self.log_pane] if self.log_pane.display else panes

    def pane_here(self) -> Pane | None:
        """The pane with the focus."""
        return next((pane for pane in self.panes() if pane.has_focus_within or pane.has_focus), None)

    def go_to(self, name: str) -> None:
        """Gives the keys to a pane, by its id."""
        pane = next(pane for pane in self.panes() if pane.id == name)
        self.set_class(pane is self.lyrics, "-lyrics")
        self.set_class(pane is self.metadata, "-metadata")
        if self.has_class("-zoomed"):
            self._zoom(pane)
        if pane is not self.takes:
            self.remove_class("-large-take")
        pane.take_focus()

    def move_focus(self, by: int) -> None:
        """Gives the keys to the next pane, or the one before."""
        panes = self.panes()
        here = self.pane_here()
        at = panes.index(here) if here in panes else 0
        self.go_to(str(panes[(at + by) % len(panes)].id))

    def zoom(self) -> None:
        """The pane here fills the screen, or all are back."""
        self.remove_class("-large-take")
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif (pane := self.pane_here()) is not None:
            self.add_class("-zoomed")
            self._zoom(pane)

    def zoom_take(self) -> None:
        """The take under the cursor fills the screen beneath a few rows of the list, or all are back."""
        self.remove_class("-zoomed")
        self.toggle_class("-large-take")

    def _zoom(self, pane: Pane) -> None:
        for each in self.panes():
            each.set_class(each is pane, "-zoom")
        for column in self.query("#words, #music"):
            column.set_class(column in pane.ancestors, "-zoom")

    def toggle_log(self) -> None:
        """Shows the log, or hides it."""
        self.toggle_class("-log")
        if not self.has_class("-log") and self.log_pane.has_focus_within:
            self.go_to("takes")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The focus has moved: the heading of its pane says so, and the key bar offers other keys."""
        for heading in self.query(Heading):
            heading.show(active=isinstance(heading.parent, Widget) and heading.parent.has_focus_within)
        self.offer_keys()

    def offer_keys(self) -> None:
        """Shows what can be pressed here."""
        offered = self.studio.keymap.bar(self.scopes(), typing=self.typing)
        hints = [(shown(key), action.title) for key, action in offered]
        self.key_bar.offer(hints)

    def key_pressed(self) -> None:
        """What was said has been read."""
        self._say("")

    def waiting_for_more(self, typed: Typed) -> None:
        """Shows how the keys so far can go on."""
        going = self.studio.keymap.going_on(self.scopes(), typed)
        words = "  ".join(f"{shown(keys)} {action.title}" for keys, action in going)
        self._say(f"{shown(' '.join(typed))} …  {words}")

    # --- questions ---------------------------------------------------------------------------------------------------

    async def ask_line(
        self,
        question: str,
        initial: str = "",
        typing: Callable[[str], None] | None = None,
        complete: Completing | None = None,
    ) -> str | None:
        """What is typed to a question; None where it is not answered. ``typing`` is told what is typed so far."""
        self._close_question(None)
        self._asked_from = self.focused
        self._answer = asyncio.get_running_loop().create_future()
        self.add_class("-asking")
        self._told_while_typing = typing
        self.prompt.ask(question, initial, complete)
        return await self._answer

    def on_prompt_typing(self, event: Prompt.Typing) -> None:
        """Somebody types an answer."""
        if self._answer is not None and self._told_while_typing is not None:
            self._told_while_typing(event.text)

    def on_prompt_answered(self, event: Prompt.Answered) -> None:
        """The answer is typed."""
        self._close_question(event.answer)

    def _close_question(self, answer: str | None) -> None:
        if self._answer is None:
            return
        if not self._answer.done():
            self._answer.set_result(answer)
        self._answer = None
        self.remove_class("-asking")
        self.prompt.close()
        self._back()

    def open_palette(self) -> None:
        """Opens a list of everything that can be done from here."""
        from acetui.panes.palette_entries import entries

        self._asked_from = self.focused
        self.palette.open(entries(self.studio.keymap, self.scopes(), self.studio.perform))

    def offer(self, entries: list[Entry], question: str) -> None:
        """Opens a list of something else to choose from."""
        self._asked_from = self.focused
        self.palette.open(entries, question)

    def on_palette_closed(self, event: Palette.Closed) -> None:
        """Something was chosen, or nothing."""
        self._back()
        if event.entry is not None:
            event.entry.run()

    def dismiss_question(self) -> None:
        """Shuts the question or the palette without an answer."""
        self.palette.close()
        self._close_question(None)

    def _back(self) -> None:
        """The keys go where they went before something was asked."""
        if self._asked_from is not None and self._asked_from.is_attached:
            self.set_focus(self._asked_from)
