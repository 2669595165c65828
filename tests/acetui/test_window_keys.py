"""Panes and screens from the keyboard: where the keys go, what fills the screen, help, palette, the ways out."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from textual.strip import Strip

from acetui.app import StudioApp
from acetui.screens.help import Help, HelpRows
from tests.acetui.pictures import text_of
from tests.acetui.presses import presses
from tests.acetui.scripted_studio import ScriptedStudio, desk_with, take
from tests.acetui.told_studio import ToldStudio, studio, until


def here(app: StudioApp) -> str:
    """The pane that has the keys."""
    pane = app.desk.pane_here()
    return str(pane.id) if pane is not None else ""


def takes() -> ScriptedStudio:
    return ScriptedStudio([take(1), take(2)])


@presses("caption", "lyrics", "metadata", "takes", "leave-text")
async def test_every_pane_has_a_key() -> None:
    async with desk_with(takes()) as (app, pilot):
        for key, name in (("f2", "caption"), ("f3", "lyrics"), ("f4", "metadata"), ("f5", "takes")):
            await pilot.press(key)
            assert here(app) == name
        for key, name in (("c", "caption"), ("l", "lyrics"), ("m", "metadata"), ("t", "takes")):
            await pilot.press("f5", "w", key)
            assert here(app) == name
        await pilot.press("f2", "escape")
        assert here(app) == "takes"


@presses("next-pane", "previous-pane")
async def test_tab_goes_round() -> None:
    async with desk_with(takes(), (120, 40)) as (app, pilot):
        await pilot.press("tab", "tab")
        assert here(app) == "lyrics"
        await pilot.press("shift+tab", "shift+tab", "shift+tab")
        assert here(app) == "metadata"


@presses("zoom")
async def test_a_pane_fills_the_screen_and_shrinks_again() -> None:
    async with desk_with(takes(), (120, 40)) as (app, pilot):
        await pilot.press("z")
        assert app.desk.takes.size.width == 120
        assert not app.desk.caption.display
        await pilot.press("f3")
        assert (app.desk.lyrics.size.width, app.desk.lyrics.size.height > 30) == (120, True)
        await pilot.press("f6", "f5")
        assert 0 < app.desk.takes.size.width < 120
        assert app.desk.caption.display


@presses("zoom-take")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_take_is_large_beneath_a_few_rows_of_the_list(size: tuple[int, int]) -> None:
    async with desk_with(takes(), size) as (app, pilot):
        small = app.desk.take.size.height
        await pilot.press("Z")
        assert app.desk.take.size.height == size[1] - 9  # the first line, seven of the list, the keys
        assert app.desk.take.size.width == size[0]
        first = app.book.cursor
        await pilot.press("j")
        assert app.book.cursor != first
        await pilot.press("f2")
        assert here(app) == "caption"
        assert app.desk.take.size.height == small
        await pilot.press("f5", "Z", "z")
        assert (app.desk.takes.size.width, app.desk.take.display) == (size[0], False)
        await pilot.press("Z", "Z")
        assert app.desk.take.size.height == small


@presses("log")
async def test_the_log_comes_and_goes() -> None:
    async with desk_with(takes()) as (app, pilot):
        app.say("something to read again")
        await pilot.press("f9")
        assert any("something to read again" in line for line in text_of(app))
        await pilot.press("f9")
        assert not app.desk.log_pane.display


@presses("redraw")
async def test_what_another_program_wrote_over_the_screen_goes() -> None:
    """Only what differs from what was painted is written, see ``acetui.screens.painting``."""
    async with desk_with(takes()) as (app, pilot):
        line = [(0, 0, Strip([Segment("what stands there")]))]
        assert app.painting.written(line, 80, ColorSystem.TRUECOLOR)
        for keys in (["ctrl+l"], ["f8", "ctrl+l", "escape"], ["f2", "ctrl+l", "f5"]):
            assert not app.painting.written(line, 80, ColorSystem.TRUECOLOR)
            await pilot.press(*keys)
            assert app.painting.written(line, 80, ColorSystem.TRUECOLOR), keys


@presses("help", "help-down", "help-up", "help-page-down", "help-page-up", "help-close")
async def test_the_help_is_read_narrowed_and_closed() -> None:
    async with desk_with(takes()) as (app, pilot):
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        rows = app.screen.query_one(HelpRows)
        tops = []
        for key in ("down", "down", "up", "pagedown", "pageup"):
            await pilot.press(key)
            tops.append(rows.scroll_offset.y)
        assert tops[:3] == [1, 2, 1]
        assert tops[3] > 10
        assert tops[4] < tops[3]
        await pilot.press(*"fill the screen")
        assert any("z or f6" in line for line in text_of(app))
        await pilot.press("escape")
        assert app.screen is app.desk


@presses("palette", "choice-down", "choice-up")
async def test_anything_is_done_by_its_name() -> None:
    async with desk_with(takes()) as (app, pilot):
        await pilot.press("colon", *"zoom")
        chosen = app.desk.palette.rows.entries[app.desk.palette.rows.chosen]
        await pilot.press("down", "up")
        assert app.desk.palette.rows.entries[app.desk.palette.rows.chosen] is chosen
        await pilot.press("enter")
        assert app.desk.has_class("-zoomed")
        assert here(app) == "takes"


@pytest.mark.parametrize("opened", ["f7", "f8", "T", "r", "question_mark"])
async def test_what_is_done_at_the_desk_is_seen_there(opened: str) -> None:
    async with desk_with(takes()) as (app, pilot):
        await pilot.press(opened)
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await pilot.press("ctrl+p")
        assert len(app.screen_stack) == 1
        assert app.desk.palette.display
        await pilot.press("escape", opened)
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await pilot.press("f2")
        assert len(app.screen_stack) == 1
        assert here(app) == "caption"


async def test_the_keys_of_panes_do_nothing_where_no_pane_is_seen() -> None:
    async with desk_with(takes()) as (app, pilot):
        await pilot.press("f7", "shift+tab", "f6", "escape")
        assert here(app) == "takes"
        assert not app.desk.has_class("-zoomed")


async def test_a_theme_that_was_not_kept_goes_with_the_settings() -> None:
    async with desk_with(takes()) as (app, pilot):
        worn = app.theme
        await pilot.press("f8", "l")
        assert app.theme != worn
        await pilot.press("f2")
        await until(pilot, lambda: app.theme == worn)
        assert here(app) == "caption"


@presses("leave")
async def test_leaving_says_how_to_come_back() -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == "'acetui neon' comes back."
    assert not app.ends_studio
    assert told.asked == []


@presses("leave")
async def test_leaving_a_loop_says_that_it_goes_on() -> None:
    told = ToldStudio()
    told.loop_now |= {"on": True, "state": "rendering"}
    async with studio(told) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value is not None)
    assert str(app.return_value).startswith("The loop goes on.")


@presses("stop-and-leave")
async def test_a_loop_is_ended_only_after_a_question() -> None:
    told = ToldStudio()
    told.loop_now |= {"on": True, "state": "rendering"}
    async with studio(told) as (app, pilot):
        await pilot.press("Q")
        await until(pilot, lambda: app.desk.has_class("-asking"))
        await pilot.press("n", "enter")
        await until(pilot, lambda: not app.desk.has_class("-asking"))
        assert not app.ends_studio
        await pilot.press("Q")
        await until(pilot, lambda: app.desk.has_class("-asking"))
        await pilot.press("y", "enter")
        await until(pilot, lambda: app.return_value is not None)
    assert app.ends_studio


async def test_keys_pressed_before_the_desk_is_complete_count() -> None:
    async def nobody() -> None:
        raise AssertionError

    app = StudioApp(Path("/nowhere/neon"), connect=nobody)  # type: ignore[arg-type]
    from textual import events

    app._early = [events.Key("f2", None), *(events.Key(sign, sign) for sign in "rain")]
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.desk.complete and app.desk.caption.text == "rain")
        assert here(app) == "caption"
