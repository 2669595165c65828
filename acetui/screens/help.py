"""Every key and what it does, made from the table of actions; typing a word leaves what fits."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

from acetui.keyboard.actions import ACTIONS, EVERYWHERE, GROUPS, SCOPES
from acetui.keyboard.keys import Keymap, shown
from acetui.panes.heading import Heading
from acetui.panes.prompt import Line
from acetui.screens.keyed import KeyedScreen

Row = tuple[str, str, str]
"""Keys, a title, a sentence; a row of a heading has only a title, and one that goes on only a sentence."""


def rows(keymap: Keymap, scopes: Sequence[str], words: str = "") -> list[Row]:
    """The help: what counts where one came from first, then the rest, by group, as far as it holds ``words``."""
    here = {EVERYWHERE, *scopes}
    grouped = [action for group in GROUPS for action in ACTIONS if action.group == group]
    ordered = sorted(grouped, key=lambda action: action.scope not in here)
    made: list[Row] = []
    last = ""
    for action in ordered:
        keys = " or ".join(shown(each) for each in keymap.keys(action.id)) or "no key"
        if not all(
            word in f"{keys} {action.title} {action.help} {action.id}".lower() for word in words.lower().split()
        ):
            continue
        heading = GROUPS[action.group] + ("" if action.scope in here else f", {SCOPES[action.scope]}")
        if heading != last:
            made += [("", "", "")] if made else []
            made.append(("", heading, ""))
            last = heading
        made.append((keys, action.title, action.help))
    return made


def _before(keys: str) -> str:
    return f"  {keys:<16} "


def broken(row: Row, width: int) -> list[Row]:
    """A row in as many as it needs in ``width`` cells; those that go on have no keys."""
    keys, title, sentence = row
    if not keys:
        return [("", part, "") for part in wrap(title, max(width - 1, 10)) or [""]]
    first, *rest = wrap(sentence, max(width - len(_before(keys)), 10))
    return [(keys, title, first), *(("", "", part) for part in wrap(" ".join(rest), max(width - len(_before("")), 10)))]


class HelpRows(ScrollView, can_focus=True):
    """The rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"help--keys", "help--heading", "help--text"}

    def __init__(self) -> None:
        super().__init__(id="help-rows")
        self._made: list[Row] = []
        self._rows: list[Row] = []

    def show(self, made: list[Row]) -> None:
        """Shows these rows from the top."""
        self._made = made
        self._break()
        self.scroll_to(0, 0, animate=False)

    def on_resize(self) -> None:
        """Sentences are broken elsewhere."""
        self._break()

    def _break(self) -> None:
        """A sentence that is too long for its row goes on below."""
        if not self.size.width:  # before there is room it would be drawn twice
            return
        self._rows = [row for made in self._made for row in broken(made, self.size.width)]
        self.virtual_size = Size(self.size.width, len(self._rows))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A key and what it does."""
        width, at = self.size.width, y + self.scroll_offset.y
        if at >= len(self._rows):
            text = " Nothing is called that. Esc closes." if y == 0 and not self._rows else ""
            return Strip([Segment(text, self.rich_style)]).adjust_cell_length(width, self.rich_style)
        keys, title, sentence = self._rows[at]
        if not keys and not sentence:
            style = self.get_component_rich_style("help--heading")
            return Strip([Segment(f" {title}", style)]).adjust_cell_length(width, self.rich_style)
        segments = [
            Segment(_before(keys), self.get_component_rich_style("help--keys")),
            Segment(sentence, self.get_component_rich_style("help--text")),
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)


class Help(KeyedScreen):
    """The help for where one is."""

    SCOPE = "help"

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__()
        self._scopes = scopes
        self._heading = Heading("help")
        self._rows = HelpRows()
        self._line = Line(
            id="help-line", compact=True, select_on_focus=False, placeholder="type a word to find a key; esc closes"
        )

    def compose(self) -> ComposeResult:
        """The rows, and a field that narrows them."""
        yield self._heading
        yield self._rows
        yield self._line

    def on_mount(self) -> None:
        """All rows; letters narrow them at once."""
        self._heading.show(active=True)
        self._rows.show(rows(self.studio.keymap, self._scopes))
        self.set_focus(self._line)

    def scroll(self, by: int) -> None:
        """Moves the rows."""
        self._rows.scroll_relative(y=by, animate=False)

    @property
    def page(self) -> int:
        """Rows that are seen at once."""
        return max(1, self._rows.size.height - 1)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self._rows.show(rows(self.studio.keymap, self._scopes, event.value))

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.studio.pop_screen()
