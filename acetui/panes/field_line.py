"""What is typed into an entry of the form, over its value, or searched among its choices."""

from __future__ import annotations

from textual.reactive import Reactive
from textual.widgets import Input

from acetui.panes.at_once import AtOnce

SEARCHED = 6
"""A choice among more than so many is searched; one among fewer is stepped through, or typed."""


class FieldLine(AtOnce, Input):
    """The line. Its size does not depend on its text, so a key lays nothing out anew."""

    value: Reactive[str] = Reactive("", layout=False, init=False)

    DEFAULT_CSS = """
    FieldLine { layer: line; position: absolute; height: 1; width: 1fr; padding: 0; background: $surface; }
    FieldLine:focus { background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Idle, it writes nothing to the terminal."""
        self.cursor_blink = False

    def open(self, text: str, place: tuple[int, int], cells: int, *, select: bool) -> None:
        """Holds a text at a place of its pane, so many cells wide; selected, it is gone with the first key."""
        with self.prevent(Input.Changed):
            self.value = text
        self.styles.offset = place
        self.styles.width = cells
        self.screen.set_focus(self)
        self.action_end(select=False)
        if select:
            self.action_select_all()


class Search:
    """The choices of one entry that fit what is typed, one of them chosen."""

    def __init__(self, name: str) -> None:
        from acetui.recipe.fields_shown import choices

        self._all = choices(name)
        self.found = list(self._all)
        self.at = 0

    def narrow(self, typed: str) -> None:
        """Only what fits; the best is chosen."""
        from acetui.recipe.form_rows import matching

        self.found = matching(self._all, typed)
        self.at = 0

    def move(self, by: int) -> None:
        """Another one is chosen."""
        self.at = max(0, min(self.at + by, len(self.found) - 1))

    @property
    def chosen(self) -> str | None:
        """What would be typed for the one that is chosen; None where nothing fits."""
        return self.found[self.at][0] if self.found else None


def is_searched(name: str) -> bool:
    """Whether an entry has so many choices that one searches among them."""
    from acetui.recipe.fields_shown import choices

    return len(choices(name)) > SEARCHED
