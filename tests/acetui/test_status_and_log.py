"""The status line and the log as they are drawn: what is the same is not drawn again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from rich.color import ColorSystem
from textual.app import App, ComposeResult

from acetui.looks.signs import ASCII, PLAIN, Looks
from acetui.looks.themes import shipped
from acetui.panes.log import LogPane
from acetui.panes.status import KINDS, StatusLine
from acetui.screens.painting import Painting
from acetui.screens.themed import variables
from acetui.status_words import status
from acetui.studio_state import Connection, Loop, Progress, StudioState

BUSY = StudioState(
    "neon",
    Connection.THERE,
    revision=7,
    loop=Loop(True, "rendering"),
    progress=Progress("sampling", 6, 8),
    engine={"profile": {"sketch": True}},
)


class Bare(App[None]):
    """A status line and a log, and nothing else."""

    CSS = ".heading { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.line = StatusLine()
        self.log_pane = LogPane()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables(shipped("nocturne"))

    def compose(self) -> ComposeResult:
        yield self.line
        yield self.log_pane


def drawn(app: Bare) -> list[str]:
    rows = app.log_pane.rows
    return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


async def test_the_status_line_draws_what_the_words_say_and_only_when_they_differ() -> None:
    app = Bare()
    async with app.run_test(size=(80, 6)) as pilot:
        app.line.show(BUSY)
        await pilot.pause()
        text = app.line.render_line(0).text
        assert text.startswith(" neon  rev 7")
        assert "sketch model" in text
        assert "step 6/8" in text
        assert len(text) == 80
        draws: list[bool] = []
        app.line.refresh = lambda *_, **__: draws.append(True)  # type: ignore[method-assign, assignment, return-value]
        app.line.show(replace(BUSY, counts={"total": 3}))
        assert not draws
        app.line.show(replace(BUSY, revision=8))
        assert len(draws) == 1


async def test_another_second_costs_the_line_a_few_bytes() -> None:
    """Beside whatever key is pressed meanwhile it is written every second, and says nothing else that is new."""
    app, painting = Bare(), Painting()
    async with app.run_test(size=(80, 6)) as pilot:
        now = time.monotonic()
        written = []
        for seconds in (3, 4, 5):
            app.line.show(replace(BUSY, progress=Progress("load", 0, 1, since=now - seconds)))
            app.line._say()
            await pilot.pause()
            parts = [(0, 0, app.line.render_line(0))]
            assert f"for {seconds} s" in parts[0][2].text
            written.append(painting.written(parts, 80, ColorSystem.TRUECOLOR))
        assert [len(each) < 60 for each in written] == [False, True, True], written


async def test_progress_is_drawn_a_few_times_a_second_and_its_last_word_always() -> None:
    app = Bare()
    async with app.run_test(size=(80, 6)) as pilot:
        app.line.looks = Looks(app.line.looks.glyphs, app.line.looks.waveform, 0.3)
        app.line.show(BUSY)
        await pilot.pause()
        draws: list[str] = []
        refresh = app.line.refresh
        app.line.refresh = lambda *_, **__: (draws.append(app.line.text), refresh())[1]  # type: ignore[method-assign, assignment, func-returns-value]
        for step in range(50):
            app.line.show(replace(BUSY, progress=Progress("sampling", step, 50)))
            await asyncio.sleep(0.01)
        while "step 49/50" not in app.line.text:
            await asyncio.sleep(0.01)
        assert 1 <= len(draws) <= 8
        app.line.show(replace(BUSY, progress=None))
        assert "step" not in app.line.text, "that something is over is said at once"


async def test_for_how_long_is_said_as_it_goes_on_and_not_when_nothing_does() -> None:
    app = Bare()
    async with app.run_test(size=(120, 6)) as pilot:
        app.line.looks = Looks(app.line.looks.glyphs, app.line.looks.waveform, 0.02)
        app.line.show(replace(BUSY, progress=Progress("load", 0, 1, since=time.monotonic() - 2)))
        assert "loading the model  for 2 s" in app.line.text
        while "for 3 s" not in app.line.text:
            await asyncio.sleep(0.02)
        app.line.show(replace(BUSY, progress=None))
        await pilot.pause()
        assert app.line._later is None


async def test_the_status_line_has_a_colour_for_everything_it_is_about() -> None:
    for state in (
        BUSY,
        replace(BUSY, connection=Connection.LOST, trouble="Gone."),
        replace(BUSY, connection=Connection.CONNECTING),
        replace(BUSY, loop=Loop(True, "paused", "50 takes are unheard, and 50 is the ceiling"), progress=None),
        replace(BUSY, loop=Loop(), progress=None, machine={"name": "cpu", "total_gb": 8}),
        replace(BUSY, loop=Loop(True, "rendering", made=3, more={"takes_per_hour": 60}), problem={"error": "x"}),
        replace(BUSY, progress=Progress("sampling", 6, 8, batch_eta=(2, 3))),
    ):
        line = status(state, 0.0, 300, StatusLine().looks)
        assert {piece.kind for piece in (*line.left, *line.right)} <= set(KINDS)


async def test_it_fits_again_after_a_resize_and_with_other_signs() -> None:
    app = Bare()
    async with app.run_test(size=(120, 6)) as pilot:
        app.line.show(BUSY)
        await pilot.resize_terminal(40, 6)
        await pilot.pause()
        assert len(app.line.text) == 38
        app.line.looks_changed(Looks(ASCII, PLAIN))
        assert app.line.text.isascii()


async def test_the_log_follows_its_end_unless_one_reads() -> None:
    app = Bare()
    async with app.run_test(size=(60, 8)) as pilot:
        await pilot.pause()
        height = app.log_pane.rows.size.height
        assert drawn(app)[0].strip() == "Nothing was said yet."
        for number in range(20):
            app.log_pane.add("said", f"line {number}")
        assert drawn(app)[-1].endswith("line 19")
        app.log_pane.rows.move(-3)
        assert drawn(app)[-1].endswith("line 16")
        app.log_pane.add("said", "line 20")
        assert drawn(app)[-1].endswith("line 16")
        app.log_pane.rows.move(99)
        assert app.log_pane.rows.at_end
        app.log_pane.rows.move(-99)
        assert drawn(app)[0].endswith("line 0")
        assert len(drawn(app)) == height


async def test_long_lines_are_broken_and_errors_have_a_sign_and_are_counted() -> None:
    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.log_pane.studio_event({"event": "error", "error": "The disk of the session is full.", "hint": "Free some."})
        app.log_pane.add("said", "Applied.")
        await pilot.pause()
        lines = drawn(app)
        assert lines[0][10:] == "! The disk of the session is"
        assert lines[1].strip() == "full. Free some."
        heading = app.log_pane.query_one("Heading").render_line(0).text
        assert " 1 error " in heading
        assert app.log_pane.next_level() == "notices"
        assert app.log_pane.next_level() == "errors"
        assert not any("Applied." in line for line in drawn(app))
        assert app.log_pane.next_level() == "all"
        app.log_pane.find("applied")
        assert [line.split(maxsplit=1)[1] for line in drawn(app) if line.strip()] == ["Applied."]


async def test_a_hidden_log_draws_nothing_and_shows_all_when_it_comes() -> None:
    app = Bare()
    async with app.run_test(size=(60, 8)) as pilot:
        app.log_pane.display = False
        await pilot.pause()
        draws: list[bool] = []
        rows = app.log_pane.rows
        refresh = rows.refresh
        rows.refresh = lambda *_, **__: draws.append(True)  # type: ignore[method-assign, assignment, return-value]
        app.log_pane.add("said", "unseen")
        assert not draws
        rows.refresh = refresh  # type: ignore[method-assign]
        app.log_pane.display = True
        await pilot.pause()
        assert drawn(app)[0].endswith("unseen")
