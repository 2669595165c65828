"""Screens whose keys come from the table of actions."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

from textual import events
from textual.dom import DOMNode
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from acetui.keyboard.actions import EVERYWHERE, STUDIO, TEXT, Action
from acetui.keyboard.keys import Typed, Unknown, key_name, writes
from acetui.screens.painting import PaintedCompositor

if TYPE_CHECKING:
    from textual.widgets import Input

    from acetui.app import StudioApp


_OVER_ALL = frozenset({"help", "pause", "leave", "redraw"})
"""What is done everywhere and needs no desk to be seen."""

_AMONG_PANES = frozenset({"next-pane", "previous-pane", "zoom"})
"""What means nothing where no pane is seen."""

CATCH_UP_SECONDS = 0.5


async def _caught_up(widget: DOMNode) -> None:
    """Waits until a widget has dealt with all the keys that it was given, if that does not take forever."""
    done = asyncio.Event()
    widget.call_later(done.set)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), CATCH_UP_SECONDS)


class KeyedScreen(Screen[None]):
    """A screen that looks its keys up: the nearest of the ``SCOPE`` of what has the focus goes first."""

    # Textual would paint the whole screen anew whenever the focus moves; what has it says so by its own heading.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    SCOPE = STUDIO
    AUTO_FOCUS = ""  # with None it would be the first widget that there is

    def __init__(self) -> None:
        super().__init__()
        self._compositor = PaintedCompositor(lambda: self.studio.painting)
        self._typed: Typed = ()

    @property
    def studio(self) -> StudioApp:
        """The app, with what it knows of the studio."""
        return cast("StudioApp", self.app)

    @property
    def typing(self) -> bool:
        """Whether letters are text just now."""
        return _is(self.focused, "Input") or _is_text(self.focused)

    def scopes(self) -> list[str]:
        """Where the focus is, the nearest first."""
        found = []
        if _is_text(self.focused):
            found.append(TEXT)
        if self.focused is not None:
            found += [scope for node in self.focused.ancestors_with_self if (scope := getattr(node, "SCOPE", None))]
        else:
            found.append(self.SCOPE)
        if self.typing:
            found = [scope for scope in found if scope != STUDIO]
        return found

    async def takes_key(self, event: events.Key) -> bool:
        """Whether a key means something here; if so it is done. What it does not take goes to the widget in focus.

        Called before any widget sees the key, so that keys typed fast count in their order: one that moves the focus
        has moved it before the next comes, and a text has all that was typed before a key is done in it.
        """
        before, name = self._typed, key_name(event.key, event.character)
        self._typed = ()
        if before and name == "escape":
            self.key_pressed()
            return True
        if self.typing and not before and writes(name):
            if name == "enter" and _is(self.focused, "Input"):
                await self._give(cast("Input", self.focused))
                return True
            return False
        typed = (*before, name)
        found = self.studio.keymap.find(self.scopes(), typed)
        self.key_pressed()
        if found is Unknown.NOTHING:
            return bool(before)  # what began a sequence and does not go on is forgotten
        if found is Unknown.BEGINNING:
            self._typed = typed
            self.waiting_for_more(typed)
        elif isinstance(found, Action):
            if self.typing and self.focused is not None:
                await _caught_up(self.focused)
            if self._has_place(found):
                self.studio.perform(found.id)
            await asyncio.sleep(0)  # what asks something has asked it: what is typed ahead is the answer
        return True

    async def _give(self, line: Input) -> None:
        """Enter in a line: what is typed counts, and what follows has happened before the next key does anything.

        Left to the toolkit, Enter goes up to the app and comes back behind keys that were typed after it.
        """
        await _caught_up(line)
        await line.action_submit()
        for _ in range(2):  # the line says so, and then whatever it belongs to does
            for node in line.ancestors_with_self:
                await _caught_up(node)
                if node is self:
                    break

    def makes_room(self) -> bool:
        """Goes from over the desk, because something is done there that is to be seen; whether it went."""
        self.studio.pop_screen()
        return True

    def _has_place(self, action: Action) -> bool:
        """Whether an action is seen where it happens: screens over the desk go for what is asked or shown there."""
        desk: KeyedScreen = self.studio.desk
        if self is desk or action.scope != EVERYWHERE or action.id in _OVER_ALL:
            return True
        if action.id in _AMONG_PANES:
            return False
        while isinstance(screen := self.app.screen, KeyedScreen) and screen is not desk:
            if not screen.makes_room():
                return False
        return True

    def key_pressed(self) -> None:
        """A key was pressed: what was said until then has been seen."""

    def waiting_for_more(self, typed: Typed) -> None:
        """The keys so far are the beginning of several."""


def _is_text(widget: Widget | None) -> bool:
    """Whether several lines are written in it."""
    return _is(widget, "TextArea") and not getattr(widget, "read_only", False)


def _is(widget: Widget | None, kind: str) -> bool:
    """Whether it is of a kind of the toolkit's, which is not loaded for the question: the first picture has none."""
    return any(each.__name__ == kind for each in type(widget).__mro__)
