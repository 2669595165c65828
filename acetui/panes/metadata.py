"""The metadata as a form that is filled in from the keyboard: moved through, typed into, stepped and searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from acetui.panes.field_line import FieldLine, Search, is_searched
from acetui.panes.form_list import FormLine, FormList, line_of
from acetui.panes.heading import Heading
from acetui.panes.note_line import NoteLine

if TYPE_CHECKING:
    from acetui.recipe.form_rows import FormFacts, FormRow


class MetadataPane(Vertical):
    """The form under its heading, and a line that explains the entry under the cursor."""

    DEFAULT_CSS = """
    MetadataPane { layers: default line; }
    MetadataPane FieldLine { display: none; }
    MetadataPane.-editing FieldLine { display: block; }
    """

    class Typed(Message):
        """An entry holds another text; of the preset, another name."""

        def __init__(self, name: str, text: str) -> None:
            super().__init__()
            self.name = name
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="metadata", classes="pane")
        self.heading = Heading("metadata")
        self.form = FormList()
        self.line = FieldLine()
        self.note = NoteLine(most=2)
        self._facts: FormFacts | None = None
        self._open: set[str] | None = None
        self._rows: Sequence[FormRow] = ()
        self._cursor = 0
        self._editing: FormRow | None = None
        self._search: Search | None = None

    def compose(self) -> ComposeResult:
        """Heading, rows, the line for typing over them, and the explanation."""
        yield self.heading
        yield self.form
        yield self.note
        yield self.line

    @property
    def SCOPE(self) -> str:
        """Where its keys count: into a field, most of them are written or move in what is."""
        return "field" if self.editing else "metadata"

    # --- what is shown -----------------------------------------------------------------------------------------------

    def put(self, facts: FormFacts) -> None:
        """Shows other values."""
        self._facts = facts
        self._refill()

    def tell(self, *notes: str) -> None:
        """What the heading says behind the name: the first of these that there is room for."""
        self.heading.show(note=notes)

    @property
    def here(self) -> FormRow | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def editing(self) -> bool:
        """Whether something is being typed into an entry, or searched for it."""
        return self._editing is not None

    @property
    def choosing(self) -> bool:
        """Whether an entry's choices are shown."""
        return self._search is not None

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.form)

    def on_descendant_focus(self) -> None:
        """The cursor is to be seen."""
        self._draw()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Whoever goes elsewhere has typed what was typed."""
        if event.widget is self.line and self.editing:
            self._close(keep=not self.choosing)
        self._draw()

    def _refill(self) -> None:
        """The rows are made anew; the cursor stays on its entry."""
        if self._facts is None or not self.is_mounted:
            return
        from acetui.recipe.form_rows import open_at_first, rows

        before = self.here
        self._open = open_at_first() if self._open is None else self._open
        self._rows = rows(self._facts, self._open)
        if before is not None:
            same = (at for at, row in enumerate(self._rows) if (row.name, row.group) == (before.name, before.group))
            self._cursor = next(same, min(self._cursor, len(self._rows) - 1))
        elif len(self._rows) > 1:
            self._cursor = 1
        self._draw()

    def _draw(self) -> None:
        focused = self.has_focus_within
        if self._search is not None:
            lines = [FormLine(typed or "auto", called) for typed, called in self._search.found]
            self.form.show(lines, self._search.at, with_cursor=True)
        else:
            lines = [line_of(row, self.form.looks.glyphs) for row in self._rows]
            self.form.show(lines, self._cursor, with_cursor=focused)
        self._explain(focused)

    def _explain(self, focused: bool) -> None:
        row = self._editing or self.here
        if row is None or not focused:
            troubled = next((each for each in self._rows if each.trouble), None)
            self.note.say(troubled.trouble if troubled else "", warning=troubled is not None)
        elif row.trouble and not self.editing:
            self.note.say(row.trouble, warning=True)
        else:
            self.note.say(row.explained)

    # --- moving ------------------------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """The cursor goes so many rows down; what is being typed is kept first, and among choices another is chosen."""
        if self._search is not None:
            self._search.move(by)
            self._draw()
            return
        self._close(keep=True)
        if self._rows:
            self._cursor = max(0, min(self._cursor + by, len(self._rows) - 1))
            self._draw()

    def move_to(self, *, end: bool) -> None:
        """The cursor goes to the first row or the last one."""
        self.move(len(self._rows) if end else -len(self._rows))

    def find(self, name: str) -> None:
        """The cursor goes to an entry, whose group is unfolded for it."""
        from acetui.recipe.form_rows import group_of

        if self._open is not None:
            self._open.add(group_of(name))
            self._refill()
            self._cursor = next(at for at, row in enumerate(self._rows) if row.name == name)
            self._draw()

    # --- changing ----------------------------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """The entry's next value, or the one before; a group folds."""
        row = self.here
        if row is not None and not row.name:
            self._fold(row.group, folded=by < 0)
        elif row is not None and self._facts is not None:
            self._step(row.name, by)

    def _step(self, name: str, by: int) -> None:
        from acetui.recipe.field_values import written
        from acetui.recipe.fields_shown import PRESET, choices, stepped

        facts = cast("FormFacts", self._facts)
        if name == PRESET:
            names = [each for each, _ in choices(PRESET)]
            row = self.here
            now = names.index(row.value) if row is not None and row.value in names else -1
            self.post_message(self.Typed(PRESET, names[(now + by) % len(names)]))
            return
        self.post_message(self.Typed(name, written(name, stepped(name, facts.value(name), by))))

    def unset(self) -> None:
        """The entry is left open again."""
        if (row := self.here) is not None and row.name:
            self.post_message(self.Typed(row.name, ""))

    def enter(self) -> None:
        """Types into the entry, searches its choices, or unfolds the group; among choices, takes one."""
        row = self.here
        if self.choosing:
            self._take_choice()
        elif self.editing:
            self._close(keep=True)
        elif row is not None and not row.name:
            self._fold(row.group, folded=not row.folded)
        elif row is not None:
            self.edit()

    def edit(self, begun: str | None = None) -> None:
        """Opens the line for typing on the entry here, with its text, or with what was begun in its place."""
        row = self.here
        if row is None or not row.name or self._facts is None:
            return
        self._editing = row
        self._search = Search(row.name) if is_searched(row.name) else None
        width = self.size.width
        self.add_class("-editing")
        if self._search is not None:
            self._search.narrow(begun or "")
            self.line.open(begun or "", (0, 0), width, select=False)
        else:
            column, y = self.form.place_of_value(self.form.cursor)
            self.line.open(self._text(row, begun), (column, 1 + y), max(8, width - column - 2), select=begun is None)
        self._draw()

    def _text(self, row: FormRow, begun: str | None) -> str:
        """What stands in the line at first."""
        from acetui.recipe.field_values import written
        from acetui.recipe.fields_shown import PRESET

        facts = cast("FormFacts", self._facts)
        if begun is not None or row.name == PRESET:
            return begun or ""
        return facts.typed.get(row.name, written(row.name, facts.value(row.name)))

    def cancel(self) -> None:
        """Leaves the entry as it was."""
        self._close(keep=False)

    def on_key(self, event: events.Key) -> None:
        """A number that is typed on an entry begins to be typed into it."""
        if not self.editing and event.character is not None and (event.character.isdigit() or event.character in "-."):
            event.stop()
            event.prevent_default()
            self.edit(event.character)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.enter()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._search is not None:
            self._search.narrow(event.value)
            self._draw()
        elif self._editing is not None:
            self._try(self._editing.name, event.value)

    def _try(self, name: str, text: str) -> None:
        """Says while it is typed whether it can be read."""
        from acetui.recipe.field_values import why_not

        row, problem = self._editing, why_not(name, text)
        if row is not None:
            self.note.say(str(problem) if problem else row.explained, warning=problem is not None)

    def _take_choice(self) -> None:
        row, search = self._editing, self._search
        if row is not None and search is not None and search.chosen is not None:
            self.post_message(self.Typed(row.name, search.chosen))
            self._close(keep=False)

    def _close(self, *, keep: bool) -> None:
        row, text = self._editing, self.line.value
        if row is None:
            return
        self._editing = self._search = None
        self.remove_class("-editing")
        if self.line.has_focus:
            self.screen.set_focus(self.form)
        if keep:
            self.post_message(self.Typed(row.name, text))
        self._draw()

    def _fold(self, group: str, *, folded: bool) -> None:
        if self._open is None or (group not in self._open) == folded:
            return
        self._open ^= {group}
        self._refill()

    @on(FormList.Clicked)
    def _clicked(self, event: FormList.Clicked) -> None:
        event.stop()
        if self._search is not None:
            self._search.at = event.line
            self._take_choice()
            return
        self._close(keep=True)
        self._cursor = event.line
        self._draw()
        if event.again or not self._rows[event.line].name:
            self.enter()
