"""The log from the keyboard."""

from __future__ import annotations

from tests.acetui.presses import presses
from tests.acetui.told_studio import ToldStudio, studio, until


@presses("log-up", "log-down", "log-page-up", "log-page-down", "log-start", "log-end")
async def test_one_reads_back_and_comes_to_the_end_again() -> None:
    told = ToldStudio()
    async with studio(told, (100, 30)) as (app, pilot):
        for number in range(60):
            told.tell("notice", text=f"notice {number}")
        await until(pilot, lambda: len(app.desk.log_pane.book) >= 60)
        await pilot.press("f9", "tab", "tab", "tab", "tab")
        assert app.desk.pane_here() is app.desk.log_pane
        rows = app.desk.log_pane.rows

        def last() -> str:
            return rows.render_line(rows.size.height - 1).text.split("notice ")[-1].strip()

        height = rows.size.height
        assert last() == "59"
        await pilot.press("k", "up")
        assert last() == "57"
        await pilot.press("j")
        assert last() == "58"
        await pilot.press("pageup")
        assert last() == str(58 - (height - 1))
        await pilot.press("pagedown", "pagedown")
        assert last() == "59"
        await pilot.press("g", "g")
        assert rows.render_line(0).text.rstrip().endswith("notice 0")
        await pilot.press("G")
        assert last() == "59"


@presses("log-level", "log-find")
async def test_less_is_shown_by_level_and_by_words() -> None:
    told = ToldStudio()
    async with studio(told, (100, 30)) as (app, pilot):
        told.tell("notice", text="Skipped.")
        told.tell("error", error="The disk is full.", hint="Free some.")
        await until(pilot, lambda: len(app.desk.log_pane.book) == 2)
        await pilot.press("f9", "tab", "tab", "tab", "tab", "e", "e")
        book = app.desk.log_pane.book
        assert [entry.kind for entry in book.entries()] == ["error"]
        assert app.desk.key_bar.message == "The log shows errors."
        await pilot.press("e", "/")
        await until(pilot, lambda: app.desk.prompt.has_class("-open"))
        await pilot.press(*"skip", "enter")
        await until(pilot, lambda: [entry.text for entry in book.entries()] == ["Skipped."])
        assert "'skip'" in app.desk.log_pane.query_one("Heading").render_line(0).text
