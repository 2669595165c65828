"""Keys of the list of takes: moving, selecting, listing and judging. The studio here is scripted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.browsing import take_details, take_feed
from acetui.client import Refused
from acetui.doing import listing
from acetui.keyboard.actions import BY_ID
from tests.acetui.presses import presses
from tests.acetui.scripted_studio import ScriptedStudio, desk_with, picture, settled, take
from tests.acetui.test_desk import type_fast


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing waits for anybody to rest, and what is saved is saved nowhere that matters."""
    monkeypatch.setattr(take_feed, "REST_SECONDS", 0.0)
    monkeypatch.setattr(take_details, "REST_SECONDS", 0.0)
    monkeypatch.setattr(listing, "TYPING_REST_SECONDS", 0.0)
    monkeypatch.setenv("ACETUI_CONFIG", str(tmp_path / "config"))


def thirty(**fields: Any) -> ScriptedStudio:
    return ScriptedStudio([take(number, score=round(0.93 - number * 0.03, 3), **fields) for number in range(1, 31)])


async def press(app: StudioApp, pilot: Pilot[str | None], keys: str) -> None:
    """Keys one after the other, and everything that comes of them."""
    await pilot.press(*keys.split())
    async with asyncio.timeout(20):
        for worker in [worker for worker in app.workers if worker.name in BY_ID]:
            await worker.wait()
    await settled(app, pilot)


async def asked(app: StudioApp, pilot: Pilot[str | None], keys: str, answer: str) -> None:
    """A key that asks something, with what is then typed in place of what stands there."""
    await pilot.press(*keys.split())
    await pilot.pause()
    app.desk.prompt.line.value = ""
    await pilot.press(*("space" if sign == " " else sign for sign in answer), "enter")
    await press(app, pilot, "")


def said(app: StudioApp) -> str:
    return app.desk.key_bar.message


# --- moving ----------------------------------------------------------------------------------------------------------


@presses("down", "up", "first", "last", "half-down", "half-up", "page-down", "page-up")
async def test_moving() -> None:
    async with desk_with(thirty()) as (app, pilot):
        height = app.book.height
        await pilot.press("j", "down", "k")
        assert app.book.at == 1
        await pilot.press("ctrl+d")
        assert app.book.at == 1 + height // 2
        await pilot.press("ctrl+u", "pagedown")
        assert app.book.at == 1 + height
        await pilot.press("G")
        assert app.book.cursor == 30
        await pilot.press("pageup")
        assert app.book.at == 29 - height
        await pilot.press("g", "g", "up")
        assert (app.book.cursor, app.book.top) == (1, 0)
        await settled(app, pilot)
        assert picture(app, app.desk.take)[0].startswith("─ 1 · neon drive")


@presses("new", "sort-in")
async def test_new_takes_are_gone_to_and_sorted_in() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        await pilot.press("N")
        assert "Nothing new" in said(app)
        studio.make(score=0.95)
        studio.make(score=0.94)
        await settled(app, pilot)
        assert "2 new ↓" in picture(app, app.desk.takes)[0]
        await pilot.press("N")
        assert app.book.cursor == 31
        await press(app, pilot, "=")
        assert app.book.list.lines[:2] == [31, 32]
        assert app.book.cursor == 31


@presses("parent", "unheard")
async def test_going_to_the_parent_and_to_what_was_not_heard() -> None:
    studio = thirty(heard=True)
    studio.kept[5] = take(5, score=0.78, heard=True, parent="id9", operation="sibling")
    studio.kept[6] = take(6, score=0.75, heard=True, parent="gone")
    studio.kept[8] = take(8, score=0.69)
    async with desk_with(studio) as (app, pilot):
        await pilot.press("g", "p")
        assert "made from no other" in said(app)
        await pilot.press("j", "j", "j", "j", "g", "p")
        assert app.book.cursor == 9
        await press(app, pilot, "g u")
        assert app.book.cursor == 8
        assert studio.calls("order")[-1] == ("", "-score,number")
        await press(app, pilot, "g u")
        assert "Every other take of this list was heard" in said(app)
        assert studio.calls("order")[-1] == ("unheard", "-score,number")
        app.book.go_to(6)
        await pilot.press("g", "p")
        assert "is gone" in said(app)
        app.book.filter = "number<8"
        await press(app, pilot, "=")
        app.book.go_to(5)
        await pilot.press("g", "p")
        assert "Take 9 is not in this list" in said(app)


@presses("select", "select-to-here", "select-all", "clear")
async def test_selecting() -> None:
    async with desk_with(thirty()) as (app, pilot):
        await pilot.press("m", "j", "j", "M")
        assert app.book.chosen() == [1, 2, 3]
        assert "30, 3 selected" in picture(app, app.desk.takes)[0]
        await pilot.press("m")
        assert app.book.chosen() == [1, 2]
        await pilot.press("escape")
        assert app.book.chosen() == [3]
        await pilot.press("g", "m")
        assert len(app.book.chosen()) == 30
        await pilot.press("escape")
        app.book.filter = "pinned"
        await press(app, pilot, "escape")
        assert app.book.filter == ""


# --- listing ---------------------------------------------------------------------------------------------------------


@presses("filter", "complete", "dismiss")
async def test_a_filter_is_followed_while_it_is_typed_and_stays() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        await pilot.press("/", *"sc")
        await pilot.press("tab", "tab", *"0.8")
        await settled(app, pilot)
        await settled(app, pilot)
        assert app.desk.prompt.line.value == "score>=0.8"
        assert len(app.book) == 4
        await pilot.press(*" an", "enter")
        await settled(app, pilot)
        rows = picture(app)
        assert any("The filter is not understood at column 12" in row for row in rows), "also what is above the line"
        assert app.desk.prompt.line.value == "score>=0.8 an", "to be mended, not to be typed again"
        assert any("filter: score>=0.8 an" in row for row in rows)
        await pilot.press("escape")
        await settled(app, pilot)
        assert (app.book.filter, len(app.book)) == ("", 30)
        await asked(app, pilot, "/", "score>=0.8")
        assert "filter score>=0.8" in picture(app, app.desk.takes)[0]
        assert len(app.book) == 4
        await pilot.press("/", *" or zz>1")
        await settled(app, pilot)
        above = next(at for at, row in enumerate(picture(app)) if "there is no field 'zz'" in row)
        assert any("filter: score>=0.8 or zz>1" in row for row in picture(app)[above:])
        await pilot.press("escape")
        await settled(app, pilot)
        assert (app.book.filter, len(app.book)) == ("score>=0.8", 4)


@presses("filter")
async def test_what_is_typed_ahead_is_the_filter_and_does_nothing_to_takes() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        type_fast(app, "/xpd", "enter")
        await press(app, pilot, "")
        assert app.book.filter == '"xpd"'
        assert studio.calls("change_each") == []
        type_fast(app, "", "escape")
        await press(app, pilot, "")
        type_fast(app, "tkeep,slow", "enter")
        await press(app, pilot, "")
        assert app.book.filter == ""
        assert studio.kept[app.book.cursor or 0]["tags"] == ["keep", "slow"]


@presses("sort")
async def test_enter_in_a_line_counts_before_the_keys_typed_after_it() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        type_fast(app, "sseed, sm", "enter")
        type_fast(app, "p")
        await press(app, pilot, "")
        assert app.book.sort == "seed,number"
        assert studio.kept[app.book.cursor or 0]["pinned"]
        type_fast(app, "tkeep", "enter")
        type_fast(app, "l")
        await press(app, pilot, "")
        judged = studio.kept[app.book.cursor or 0]
        assert (judged["tags"], judged["liked"]) == (["keep"], True)


async def test_plain_words_are_looked_for_and_nothing_lists_everything() -> None:
    studio = thirty()
    studio.kept[7] = take(7, name="slow rain")
    async with desk_with(studio) as (app, pilot):
        await asked(app, pilot, "/", "slow rain")
        assert (app.book.filter, app.book.list.lines) == ('"slow rain"', [7])
        await asked(app, pilot, "/", "")
        assert len(app.book) == 30


@presses("save-filter", "saved-filter")
async def test_a_filter_is_saved_and_found_again() -> None:
    async with desk_with(thirty()) as (app, pilot):
        await press(app, pilot, "g f")
        assert "No filter is saved yet." in said(app)
        await press(app, pilot, "S")
        assert "no filter to save" in said(app)
        await asked(app, pilot, "/", "score>=0.8")
        await asked(app, pilot, "S", "the best")
        assert "'the best'" in said(app)
        await press(app, pilot, "escape")
        assert len(app.book) == 30
        await pilot.press("g", "f", *"best")
        await press(app, pilot, "enter")
        assert len(app.book) == 4


@presses("sort")
async def test_the_list_is_sorted_by_anything() -> None:
    async with desk_with(thirty()) as (app, pilot):
        await pilot.press("s")
        assert any("sort how?" in row for row in picture(app))
        await pilot.press(*"name")
        assert any("name, from a to z" in row for row in picture(app))
        await pilot.press(*("backspace",) * 4, *"newest")
        await press(app, pilot, "enter")
        assert app.book.list.lines[:2] == [30, 29]
        assert "newest first" in picture(app, app.desk.takes)[0]
        await pilot.press("s", *"seed,")
        await press(app, pilot, "down enter")
        assert app.book.sort == "seed,number"
        assert "by seed" in picture(app, app.desk.takes)[0]


@presses("hide-rejected", "group", "show-trash")
async def test_what_is_hidden_grouped_and_in_the_trash() -> None:
    studio = thirty()
    for number in (21, 22, 23):
        studio.kept[number] = take(number, revision=2, score=0.5)
    studio.kept[1] = take(1, score=0.9, rejected=True)
    studio.kept[2] = take(2, trashed=True)
    async with desk_with(studio) as (app, pilot):
        assert len(app.book) == 29
        await press(app, pilot, "H")
        assert len(app.book) == 28
        assert "rejected hidden" in picture(app, app.desk.takes)[0]
        await press(app, pilot, "g r")
        assert app.book.list.lines[:4] == [21, 22, 23, -1]
        assert app.book.cursor == 3
        await press(app, pilot, "g g")
        assert "── from take 21: bpm 96 → 104 ──" in picture(app, app.desk.takes)[4]
        assert studio.calls("revisions") == [1000]
        await press(app, pilot, "D")
        assert app.book.list.lines == [2]
        assert picture(app, app.desk.takes)[0].startswith("▌ trash · 1")
        await press(app, pilot, "D")
        assert len(app.book) == 28


# --- verdicts --------------------------------------------------------------------------------------------------------


@presses("pin", "unpin", "like", "unlike", "reject", "unreject", "heard", "not-heard")
async def test_verdicts_are_given_once_and_taken_away() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):

        def marks() -> set[str]:
            return {mark for mark in ("pinned", "liked", "rejected", "heard") if studio.kept[1][mark]}

        for keys, expected in (
            ("p", {"pinned"}),
            ("l", {"pinned", "liked"}),
            ("P", {"liked"}),
            ("h", {"liked", "heard"}),
            ("x", {"rejected", "heard"}),
            ("g h", {"rejected"}),
            ("X", set()),
            ("l", {"liked"}),
            ("L", set()),
        ):
            await press(app, pilot, keys)
            assert marks() == expected, keys
        await press(app, pilot, "p")
        assert picture(app, app.desk.takes)[1].startswith(" ★ 1")
        await press(app, pilot, "p")
        assert marks() == {"pinned"}
        assert "It is so already." in said(app)


@presses("rate-0", "rate-1", "rate-2", "rate-3", "rate-4", "rate-5", "unrate")
async def test_ratings() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        for stars in range(6):
            await press(app, pilot, f"* {stars}")
            assert studio.kept[1]["rating"] == stars
        assert "5/5" in picture(app, app.desk.takes)[1]
        await press(app, pilot, "* x")
        assert studio.kept[1]["rating"] is None


@presses("note", "tags", "rename")
async def test_words_are_asked_for() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        await asked(app, pilot, "n", "the best one")
        assert studio.kept[1]["note"] == "the best one"
        await asked(app, pilot, "t", "#slow keep, slow")
        assert studio.kept[1]["tags"] == ["slow", "keep"]
        await asked(app, pilot, "R", "rain")
        assert studio.kept[1]["name"] == "rain"
        assert " rain " in picture(app, app.desk.takes)[1]
        await pilot.press("n")
        await pilot.pause()
        assert app.desk.prompt.line.value == "the best one"
        await pilot.press("escape", "j", "m", "k", "m")
        await asked(app, pilot, "t", "both -slow")
        assert (studio.kept[1]["tags"], studio.kept[2]["tags"]) == (["keep", "both"], ["both"])
        await asked(app, pilot, "R", "")
        assert studio.kept[1]["name"] == "rain"


@presses("trash", "restore", "undo", "redo")
async def test_the_trash_and_the_way_back() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        await press(app, pilot, "u")
        assert "nothing to undo" in said(app)
        await press(app, pilot, "ctrl+r")
        assert "nothing to do again" in said(app)
        await press(app, pilot, "j d")
        assert studio.kept[2]["trashed"]
        assert app.book.cursor == 3
        await press(app, pilot, "u")
        assert not studio.kept[2]["trashed"]
        assert "Undone: trash take 2." in said(app)
        assert app.book.list.lines[:3] == [1, 2, 3]
        await press(app, pilot, "ctrl+r")
        assert studio.kept[2]["trashed"]
        await press(app, pilot, "D g d")
        assert not studio.kept[2]["trashed"]
        assert app.book.list.lines == []


async def test_many_takes_at_once_are_one_deed() -> None:
    studio = thirty()
    studio.kept[2] = take(2, score=0.87, pinned=True)
    async with desk_with(studio) as (app, pilot):
        await press(app, pilot, "m j j M p")
        assert [studio.kept[number]["pinned"] for number in (1, 2, 3, 4)] == [True, True, True, False]
        assert "Pin 3 takes: 2 of them changed." in said(app)
        await press(app, pilot, "u")
        assert [studio.kept[number]["pinned"] for number in (1, 2, 3)] == [False, True, False]
        assert len(studio.calls("change_each")) == 2


async def test_what_is_refused_is_told_and_can_still_be_undone_later() -> None:
    studio = thirty()
    async with desk_with(studio) as (app, pilot):
        await press(app, pilot, "p")
        studio.refusals["change_each"] = Refused(507, {"error": "The disk is full.", "hint": "Make room."})
        await press(app, pilot, "u")
        assert "The disk is full. Make room." in said(app)
        assert app.undo_log.can_undo
        await press(app, pilot, "u")
        assert not studio.kept[1]["pinned"]


async def test_without_takes_nothing_happens() -> None:
    studio = ScriptedStudio()
    async with desk_with(studio) as (app, pilot):
        for keys in ("p", "n", "t", "R", "d", "v", "i", "T", "y s", "V"):
            await press(app, pilot, keys)
            assert "There is no take here" in said(app), keys
        assert studio.calls("change_each") == []
