"""The desk: where keys go, in which order, and what is asked and said. The studio here never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.client import Client
from acetui.doing import windows
from acetui.screens.help import Help


async def nobody() -> Client:
    await asyncio.sleep(3600)
    raise AssertionError


@asynccontextmanager
async def desk(size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[StudioApp, Pilot[str | None]]]:
    app = StudioApp(Path("/nowhere/neon"), connect=nobody)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def bar(app: StudioApp) -> str:
    return app.desk.key_bar.message or "".join(segment.text for segment in app.desk.key_bar.render_line(0))


def type_fast(app: StudioApp, text: str, *keys: str) -> None:
    """Keys that are all there before the first is dealt with, as a terminal delivers what was typed ahead."""
    for sign in text:
        app.post_message(events.Key(sign, sign))
    for key in keys:
        app.post_message(events.Key(key, None))


async def test_keys_typed_ahead_go_where_the_ones_before_them_lead() -> None:
    async with desk() as (app, pilot):
        type_fast(app, "", "f2")
        type_fast(app, "quiet zither", "escape")
        type_fast(app, "wm")
        await pilot.pause()
        assert app.desk.caption.editor.text == "quiet zither"
        assert app.desk.pane_here() is app.desk.metadata


async def test_tab_goes_round_the_panes_and_back() -> None:
    async with desk((120, 40)) as (app, pilot):
        seen = []
        for _ in range(4):
            await pilot.press("tab")
            here = app.desk.pane_here()
            seen.append(here.id if here else None)
        assert seen == ["caption", "lyrics", "metadata", "takes"]
        await pilot.press("shift+tab")
        assert app.desk.pane_here() is app.desk.metadata


async def test_the_beginning_of_a_sequence_shows_how_it_goes_on() -> None:
    async with desk() as (app, pilot):
        await pilot.press("w")
        assert "l lyrics" in bar(app)
        await pilot.press("escape")
        assert "help" in bar(app)
        await pilot.press("w", "y")
        assert app.desk.pane_here() is app.desk.takes


async def test_the_help_narrows_and_closes() -> None:
    async with desk() as (app, pilot):
        await pilot.press("?")
        assert isinstance(app.screen, Help)
        await pilot.press(*"zoom")
        rows = app.screen.query_one("#help-rows").render_line(1).text  # type: ignore[attr-defined]
        assert "fill the screen" in rows
        await pilot.press("escape")
        assert app.screen is app.desk


async def test_the_palette_does_what_is_chosen() -> None:
    async with desk() as (app, pilot):
        await pilot.press("ctrl+p", *"lyrics")
        await pilot.press("enter")
        await pilot.pause()
        assert app.desk.pane_here() is app.desk.lyrics


async def test_a_question_is_answered_or_not() -> None:
    async with desk() as (app, pilot):
        answers = []

        async def ask() -> None:
            answers.append(await app.ask_line("How many?", "3"))

        app.run_worker(ask())
        await pilot.pause()
        await pilot.press("7", "enter")
        app.run_worker(ask())
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert answers == ["37", None]
        assert app.desk.pane_here() is app.desk.takes


async def test_trouble_is_told_until_the_next_key_and_stays_in_the_log() -> None:
    async with desk() as (app, pilot):
        await pilot.press("a")
        await pilot.pause()
        assert "not connected" in bar(app)
        await pilot.press("tab")
        assert "not connected" not in bar(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (60, 20)])
async def test_zoom_and_back(size: tuple[int, int]) -> None:
    async with desk(size) as (app, pilot):
        before = app.desk.takes.region
        await pilot.press("z")
        await pilot.pause()
        assert app.desk.takes.region.height >= size[1] - 3
        assert app.desk.takes.region.width == size[0]
        await pilot.press("z")
        await pilot.pause()
        assert app.desk.takes.region == before


async def test_a_fault_in_an_action_is_told_and_the_terminal_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed and what plays are worth more than a trace."""

    def broken(app: StudioApp) -> None:
        raise TypeError("no such thing")

    monkeypatch.setitem(windows.HANDLERS, "zoom", broken)
    async with desk() as (app, pilot):
        await pilot.press("z")
        assert app.desk.key_bar.message.startswith("That failed unexpectedly: TypeError: no such thing.")
        await pilot.press("f2", "x")
        assert "x" in app.desk.caption.text
