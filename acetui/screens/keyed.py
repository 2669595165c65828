"""Screens whose keys come from the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from acetui.actions import STUDIO, TEXT, Action
from acetui.keys import Typed, Unknown, key_name

if TYPE_CHECKING:
    from acetui.app import StudioApp


class KeyedScreen(Screen[None]):
    """A screen that looks its keys up: the nearest of the ``SCOPE`` of what has the focus goes first."""

    # Textual would paint the whole screen anew whenever the focus moves; what has it says so by its own heading.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    SCOPE = STUDIO
    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__()
        self._typed: Typed = ()

    @property
    def studio(self) -> StudioApp:
        """The app, with what it knows of the studio."""
        return cast("StudioApp", self.app)

    @property
    def typing(self) -> bool:
        """Whether letters are text just now."""
        return isinstance(self.focused, Input) or (isinstance(self.focused, TextArea) and not self.focused.read_only)

    def scopes(self) -> list[str]:
        """Where the focus is, the nearest first."""
        found = []
        if isinstance(self.focused, TextArea) and not self.focused.read_only:
            found.append(TEXT)
        if self.focused is not None:
            found += [scope for node in self.focused.ancestors_with_self if (scope := getattr(node, "SCOPE", None))]
        else:
            found.append(self.SCOPE)
        if self.typing:
            found = [scope for scope in found if scope != STUDIO]
        return found

    def on_key(self, event: events.Key) -> None:
        """A key that no text field has taken: it is looked up, and what it means is done."""
        before, typed = self._typed, (*self._typed, key_name(event.key, event.character))
        self._typed = ()
        if before and event.key == "escape":
            event.stop()
            self.key_pressed()
            return
        found = self.studio.keymap.find(self.scopes(), typed)
        if found is Unknown.NOTHING:
            if before:  # what began a sequence and does not go on is forgotten
                event.stop()
            self.key_pressed()
            return
        event.stop()
        event.prevent_default()
        self.key_pressed()
        if found is Unknown.BEGINNING:
            self._typed = typed
            self.waiting_for_more(typed)
        elif isinstance(found, Action):
            self.studio.perform(found.id)

    def key_pressed(self) -> None:
        """A key was pressed: what was said until then has been seen."""

    def waiting_for_more(self, typed: Typed) -> None:
        """The keys so far are the beginning of several."""
