"""The history: every revision of the recipe, what each changed, and any of them back as a draft."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.panes.form_list import FormLine, FormList
from acetui.panes.heading import Heading
from acetui.panes.note_line import NoteLine
from acetui.screens.keyed import KeyedScreen
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.recipe.diff_lines import Line
    from acetui.recipe.text_changes import FieldChange

PAGE = 200
"""Revisions that are asked for at once."""

Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Moment:
    """One row: a revision, or what there is beside them."""

    label: str
    value: str
    number: int | None = None
    changes: tuple[FieldChange, ...] = ()
    """What is different, where it is no revision."""


class DiffView(Widget):
    """What changed, as lines; what is gone and what has come are told by signs as well as by colours."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"diff--{kind}" for kind in ("same", "gone", "come", "heading")}

    DEFAULT_CSS = """
    DiffView { height: 2fr; width: 1fr; padding: 0 1; }
    DiffView > .diff--same { color: $foreground; }
    DiffView > .diff--gone { color: $error; }
    DiffView > .diff--come { color: $success; }
    DiffView > .diff--heading { color: $quiet; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.looks = Looks(UNICODE, BRAILLE)
        self._lines: Sequence[Line] = ()
        self._top = 0

    def looks_changed(self, looks: Looks) -> None:
        """Signs are others."""
        self.looks = looks

    def show(self, lines: Sequence[Line]) -> None:
        """Shows other lines, from the first."""
        self._lines, self._top = lines, 0
        self.refresh()

    def scroll_by(self, by: int) -> None:
        """Moves by so many lines."""
        self._top = max(0, min(self._top + by, len(self._lines) - self.size.height))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        at = self._top + y
        pieces = self._lines[at] if at < len(self._lines) else ()
        segments = [Segment(piece.text, self.get_component_rich_style(f"diff--{piece.kind}")) for piece in pieces]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)


class History(KeyedScreen):
    """The revisions, the newest first; what is typed is above them."""

    SCOPE = "history"

    DEFAULT_CSS = """
    History FormList { height: 1fr; min-height: 4; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._heading = Heading("history")
        self.list = FormList()
        self._middle = Heading("what it changed")
        self.diff = DiffView()
        self.note = NoteLine(most=2)
        self._moments: list[Moment] = []
        self._total = 0
        self._settings: dict[int, Settings] = {}
        self._looking: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        """Revisions above, differences below."""
        yield self._heading
        yield self.list
        yield self._middle
        yield self.diff
        yield self.note

    def on_mount(self) -> None:
        """Asks for the revisions."""
        self.studio.dressing.put_on()
        self._heading.show(active=True)
        self.set_focus(self.list)
        self.note.say("Enter takes a revision back as a draft; nothing is applied by that.")
        self._moments = self._beside()
        self._show(0)
        self.run_worker(self._fetch(), exit_on_error=False)

    def _beside(self) -> list[Moment]:
        """What is typed, and what the planner of the take in the list made of what was asked."""
        from acetui.recipe.diff_lines import plan_changes
        from acetui.recipe.text_changes import field_changes

        found = []
        draft = self.studio.writing.drafting
        if draft.differs():
            count = len(draft.typed)
            words = f"{count} field{'s' if count > 1 else ''} on revision {draft.revision}, not applied"
            found.append(Moment("typed", words, changes=field_changes(draft.applied, draft.settings())))
        take = self.studio.details.take
        if take is not None and take.get("plan"):
            words = "what its planner made of what was asked"
            found.append(Moment(f"take {take['number']}", words, changes=plan_changes(take)))
        return found

    async def _fetch(self) -> None:
        try:
            page = await self.studio.link.client.revisions(PAGE, sum(each.number is not None for each in self._moments))
        except EngineError as error:
            self.note.say(str(error), warning=True)
            return
        self._total = page["total"]
        for each in page["revisions"]:
            mark = " (now)" if each["number"] == page["current"] else ""
            changed = each["changed"] or ("the first" if each["number"] == 1 else "nothing that is rendered")
            words = (
                f"{each['when'][:16].replace('T', ' ')}  {changed if each['readable'] else 'cannot be read any more'}"
            )
            self._moments.append(Moment(f"revision {each['number']}{mark}", words, each["number"]))
        self._show(self.list.cursor)

    def _show(self, cursor: int) -> None:
        lines = [FormLine(each.label, each.value) for each in self._moments]
        self.list.show(lines, cursor, with_cursor=True)
        count = f"{self._total} revision{'s' if self._total > 1 else ''}, " if self._total else ""
        self._heading.show(note=f"{count}esc closes")
        if self._moments:
            self._look()

    @property
    def here(self) -> Moment | None:
        """The row under the cursor."""
        return self._moments[self.list.cursor] if self._moments else None

    # --- moving ------------------------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """The cursor goes so many rows down; beyond the last row there may be more to be asked for."""
        self._show(max(0, min(self.list.cursor + by, len(self._moments) - 1)))
        known = sum(each.number is not None for each in self._moments)
        if self.list.cursor == len(self._moments) - 1 and known < self._total:
            self.run_worker(self._fetch(), group="page", exclusive=True, exit_on_error=False)

    @property
    def page(self) -> int:
        """Rows that are seen at once."""
        return max(1, self.list.size.height - 1)

    @on(FormList.Clicked)
    def _clicked(self, event: FormList.Clicked) -> None:
        event.stop()
        self._show(event.line)

    # --- what is shown -----------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Lines are broken elsewhere."""
        if self._moments:
            self._look()

    def _look(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = asyncio.create_task(self._compare())

    async def _compare(self) -> None:
        """What the row under the cursor changed."""
        moment = self.here
        if moment is None:
            return
        try:
            changes = await self._changes(moment)
        except EngineError as error:
            self.diff.show([])
            self.note.say(str(error), warning=True)
            return
        from acetui.recipe.diff_lines import diff_lines

        glyphs = self.diff.looks.glyphs
        width = max(20, self.diff.size.width - 2)
        self.diff.show(diff_lines(changes, width, arrow=glyphs.arrow, more=glyphs.more))

    async def _changes(self, moment: Moment) -> tuple[FieldChange, ...]:
        from acetui.recipe.text_changes import field_changes

        if moment.number is None:
            return moment.changes
        after = await self._settings_of(moment.number)
        older = [each.number for each in self._moments if each.number is not None and each.number < moment.number]
        return field_changes(await self._settings_of(max(older)) if older else {}, after)

    async def _settings_of(self, number: int) -> Settings:
        if number not in self._settings:
            self._settings[number] = (await self.studio.link.client.revision(number))["settings"]
        return self._settings[number]

    async def take_back(self) -> None:
        """The revision under the cursor becomes what is typed."""
        moment = self.here
        if moment is None or moment.number is None:
            raise EngineError("That is no revision.", "Choose one below.")
        settings = await self._settings_of(moment.number)
        count = self.studio.writing.take_back(settings)
        self.studio.pop_screen()
        same = f"Revision {moment.number} is what is applied."
        self.studio.say(
            f"{moment.label.removesuffix(' (now)').capitalize()} is typed, and not applied." if count else same
        )
