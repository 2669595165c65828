"""Making something from a take: a part of it anew, in another style, or longer. Candidates come while one listens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from acetui.browsing.row_text import Outline
from acetui.browsing.take_facts import decimal
from acetui.browsing.take_rows import Row, row_of
from acetui.how_long import clock_time
from acetui.keyboard.keys import shown
from acetui.looks.text_cells import safe
from acetui.panes.form_list import FormLine, FormList
from acetui.panes.heading import Heading
from acetui.panes.note_line import NoteLine
from acetui.panes.prompt import Line
from acetui.panes.region_wave import RegionWave
from acetui.panes.status import StatusLine
from acetui.recipe.remaking import Remaking
from acetui.screens.keyed import KeyedScreen
from acetui.studio_state import StudioState
from engine.errors import EngineError, InvalidRequest

WORDS = {"repaint": "a part anew", "cover": "in another style", "extend": "longer"}
"""What each operation makes of a take."""

MOST_DIGITS = 9
"""Candidates that a digit plays."""


class Remake(KeyedScreen):
    """One operation on one take: what is set, and what has come of it so far."""

    DEFAULT_CSS = """
    Remake #remake-form { height: 5fr; min-height: 3; max-height: 7; }
    Remake #remake-candidates { height: 1fr; min-height: 2; }
    Remake #remake-line { display: none; }
    Remake.-typing #remake-line { display: block; }
    """

    def __init__(self, remaking: Remaking) -> None:
        super().__init__()
        self.remaking = remaking
        self.number = int(remaking.take["number"])
        self.heard = self.number
        """The take that was heard last: it is what is kept or rejected."""

        self.status = StatusLine()
        self.wave = RegionWave(remaking.seconds)
        self.form = FormList()
        self.form.id = "remake-form"
        self.list = FormList()
        self.list.id = "remake-candidates"
        self.note = NoteLine(most=2)
        self._candidates_heading = Heading("candidates")
        self._line = Line(id="remake-line", compact=True, select_on_focus=False)
        self._outline: Outline | None = None
        self._rows: dict[int, Row] = {}

    def compose(self) -> ComposeResult:
        """The outline, what can be set, what has come of it, and a word."""
        yield self.status
        yield Heading(f"take {self.number}: {WORDS[self.remaking.operation]}")
        yield self.wave
        yield self.form
        yield self._line
        yield self._candidates_heading
        yield self.list
        yield self.note

    def on_mount(self) -> None:
        """Asks for the outline, and for what was made of the take before."""
        self.studio.dressing.dress(self)
        keys = self.studio.keymap.keys
        words = [f"{shown(keys(name)[0])} {word}" for name, word in _BAR.items() if keys(name)]
        self.query_one(Heading).show(active=True, note="  ".join(words))
        self.set_focus(self.form)
        self.sync()
        self.show_state(self.studio.state)
        self.run_worker(self._fetch(), exit_on_error=False)

    @property
    def SCOPE(self) -> str:  # type: ignore[override]
        """Where its keys count: into a line, most of them are written or move in what is."""
        return "remake-line" if self.has_class("-typing") else "remake"

    # --- what is shown -----------------------------------------------------------------------------------------------

    @property
    def candidates(self) -> list[int]:
        """The takes that were made so from this one, the oldest first."""
        return sorted(number for number, row in self._rows.items() if not row.trashed)

    @property
    def here(self) -> str:
        """The name of the row under the cursor."""
        return self.remaking.entries()[self.form.cursor].name

    def sync(self) -> None:
        """Shows everything as it is now."""
        glyphs = self.form.looks.glyphs
        entries = self.remaking.entries()
        lines = [
            FormLine(each.label, safe(each.value), "typed" if each.set else "text", glyphs.changed if each.set else " ")
            for each in entries
        ]
        self.form.show(lines, self.form.cursor, with_cursor=True)
        concern = self.remaking.concern()
        self.note.say(concern or self.remaking.explained(self.here), warning=bool(concern))
        self.show_heard()

    def show_heard(self) -> None:
        """Shows where one is, and which of the takes that is."""
        playhead = self.studio.listening.playhead
        ours = playhead is not None and playhead.number in (self.number, *self._rows)
        if playhead is not None and ours:
            self.heard = playhead.number
        second = float(playhead.second) if playhead is not None and ours else None
        self.wave.show(self._outline, self.remaking.region, second)
        originally = FormLine("o  the take itself", clock_time(self.remaking.seconds), mark=self._mark(self.number))
        rows = [self._line_of(digit, self._rows[number]) for digit, number in enumerate(self.candidates, 1)]
        here = [self.number, *self.candidates].index(self.heard) if self.heard in self.candidates else 0
        self.list.show([originally, *rows], here, with_cursor=True)
        count = len(rows)
        self._candidates_heading.show(note=f"{count} so far" if count else "none yet")

    def _line_of(self, digit: int, row: Row) -> FormLine:
        glyphs = self.list.looks.glyphs
        marks = [getattr(glyphs, mark) for mark in ("pinned", "liked", "rejected") if mark in row.marks]
        score = "" if row.score is None else f"score {decimal(row.score)}"
        words = [clock_time(row.duration), f"seed {row.seed}", score, *marks, *row.faults]
        label = f"{digit if digit <= MOST_DIGITS else ' '}  take {row.number}"
        return FormLine(label, "  ".join(word for word in words if word), mark=self._mark(row.number))

    def _mark(self, number: int) -> str:
        playhead = self.studio.listening.playhead
        plays = playhead is not None and playhead.playing and playhead.number == number
        return self.list.looks.glyphs.playing if plays else " "

    async def _fetch(self) -> None:
        client = self.studio.link.client
        try:
            query = f'parent:"{self.remaking.take["id"]}" and operation:{self.remaking.operation}'
            for told in (await client.takes(query, "number"))["takes"]:
                self._rows[told["number"]] = row_of(told)
            self.show_heard()
            peaks = await client.peaks(self.number, max(2 * self.size.width, 80))
            self._outline = tuple(peaks["low"]), tuple(peaks["high"])
            self.show_heard()
        except EngineError as error:
            self.note.say(str(error), warning=True)

    def show_state(self, state: StudioState) -> None:
        """The studio has said something."""
        self.status.show(state)

    def take_changed(self, take: Mapping[str, Any]) -> None:
        """A take has come, or is not what it was."""
        of_this = take.get("parent") == self.remaking.take["id"] and take.get("operation") == self.remaking.operation
        if of_this:
            self._rows[take["number"]] = row_of(take)
            self.show_heard()

    # --- setting -----------------------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """Goes to another row; what is being typed is kept."""
        if self.has_class("-typing") and not self._keep_typed():
            return
        count = len(self.remaking.entries())
        self.form.cursor = (self.form.cursor + by) % count
        self.sync()

    def turn(self, direction: int, *, far: bool = False, fine: bool = False) -> None:
        """The next value of the row, or the one before; what plays goes on within the region as it is then."""
        self.remaking.turn(self.here, direction, far=far, fine=fine)
        self._region_moved()

    def snap(self, direction: int) -> None:
        """The place of the row goes to where a line of the lyrics begins or ends."""
        self.remaking.snap(self.here, direction)
        self._region_moved()

    def place(self, name: str) -> None:
        """Puts an end of the region where one is listening."""
        second = self.studio.listening.second
        if second is None:
            raise EngineError("Nothing plays.", "Space plays the take; [ and ] then set the part by ear.")
        if self.remaking.region is None:
            raise EngineError("The whole take is made anew here.", "'repaint' is what makes a part of it.")
        self.remaking.place(name, second)
        self._region_moved()

    def unset(self) -> None:
        """The row as it is in the take."""
        self.remaking.unset(self.here)
        self.sync()

    def type(self) -> None:
        """A field opens in which the row is typed."""
        self._line.value = self.remaking.text(self.here).replace("\n", _LINES)
        self._line.cursor_position = len(self._line.value)
        self.add_class("-typing")
        self.set_focus(self._line)

    @on(Input.Submitted, "#remake-line")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._keep_typed()

    def _keep_typed(self) -> bool:
        """Whether what is typed is taken; what is wrong with it is said, and it stays to be mended."""
        try:
            self.remaking.type(self.here, self._line.value.replace(_LINES, "\n"))
        except InvalidRequest as error:
            self.note.say(str(error), warning=True)
            return False
        self._close_line()
        self._region_moved()
        return True

    def _close_line(self) -> None:
        self.remove_class("-typing")
        self.set_focus(self.form)

    def leave(self) -> None:
        """Drops what is being typed; else closes. What was rendered stays among the takes."""
        if self.has_class("-typing"):
            self._close_line()
            self.sync()
        else:
            self.studio.pop_screen()

    def _region_moved(self) -> None:
        region = self.remaking.region
        if region is not None and self.studio.listening.playhead is not None:
            self.studio.listening.regions.put(*region)
        self.sync()

    # --- hearing and judging -----------------------------------------------------------------------------------------

    async def hear(self, number: int | None = None) -> None:
        """Hears the region of a take, or the whole where there is none; without a number, stops or goes on."""
        listening = self.studio.listening
        if number is None and listening.number in (self.number, *self._rows) and listening.playhead is not None:
            await listening.play_or_pause(None)
        else:
            await listening.play(self.heard if number is None else number, jump=listening.playhead is not None)
            if self.remaking.region is not None:
                listening.regions.put(*self.remaking.region)
        self.show_heard()

    async def hear_candidate(self, digit: int) -> None:
        """Goes on with a candidate at the same second. Raises EngineError where there is none."""
        if digit > len(self.candidates):
            raise EngineError(f"There is no candidate {digit} yet.", "r renders some.")
        await self.hear(self.candidates[digit - 1])

    async def make(self) -> None:
        """Has candidates made before the loop goes on."""
        if self.has_class("-typing") and not self._keep_typed():
            return
        body = self.remaking.body()
        await self.studio.link.client.operate(self.number, self.remaking.operation, **body)
        count = body["takes"]
        what = "1 candidate is" if count == 1 else f"{count} candidates are"
        self.note.say(f"{what} rendered before the loop goes on.")

    @on(FormList.Clicked, "#remake-form")
    def _row_clicked(self, event: FormList.Clicked) -> None:
        event.stop()
        self.move(event.line - self.form.cursor)
        if event.again:
            self.type()

    @on(FormList.Clicked, "#remake-candidates")
    async def _candidate_clicked(self, event: FormList.Clicked) -> None:
        event.stop()
        await self.hear([self.number, *self.candidates][event.line])

    def is_marked(self, number: int, mark: str) -> bool:
        """Whether a candidate has a mark."""
        return number in self._rows and mark in self._rows[number].marks

    def judged(self) -> int:
        """The candidate that was heard last. Raises EngineError where it is the take itself."""
        if self.heard == self.number:
            raise EngineError("That is the take itself.", "A digit plays a candidate; p keeps it, x rejects it.")
        return self.heard


_LINES = " / "
"""How several lines are typed in one."""

_BAR = {"remake-render": "renders", "remake-hear": "hears", "remake-keep": "keeps", "remake-close": "closes"}
