"""The list of takes on the screen: what it shows at any size, what it asks for, and what the mouse does."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.browsing import take_feed
from acetui.client import Refused, StudioGone
from tests.acetui.scripted_studio import ScriptedStudio, Size, check_picture, desk_with, picture, settled, take


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_feed, "REST_SECONDS", 0.0)


def some() -> list[dict[str, Any]]:
    takes = [take(number, score=round(0.93 - number * 0.03, 3)) for number in range(1, 31)]
    takes[4] = take(5, score=0.835, pinned=True, heard=True, rating=4, tags=("keep",), note="good one")
    takes[5] = take(6, score=0.7, liked=True, heard=True)
    takes[6] = take(7, faults=("silent from 1:12",))
    takes[7] = take(8, score=0.66, rejected=True, heard=True)
    takes[8] = take(9, score=0.65, parent="id5", operation="sibling", revision=2, identity={"profile": "nano-turbo"})
    takes[9] = take(10, score=0.64, stored="latents only", name="夜のドライブ")
    return takes


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(size: Size) -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio, size) as (app, pilot):
        app.book.move(2)
        app.book.toggle()
        app.book.move(2)
        app.desk.takes.sync()
        studio.make()
        await settled(app, pilot)
        check_picture(f"takes-{size[0]}x{size[1]}", picture(app, app.desk.takes, app.desk.take))


async def test_only_what_is_in_sight_is_asked_for() -> None:
    studio = ScriptedStudio([take(number) for number in range(1, 2001)])
    async with desk_with(studio) as (app, pilot):
        height = app.desk.takes.list.size.height
        asked = [number for numbers in studio.calls("rows") for number in numbers]
        assert asked == list(range(1, 2 * height + 1))
        assert [number for number, _ in studio.calls("peaks") if _ == 24] == asked[:height]
        studio.asked.clear()
        app.book.move_to(10**6)
        app.desk.takes.sync()
        await settled(app, pilot)
        assert min(min(numbers) for numbers in studio.calls("rows")) > 2000 - 2 * height
        assert "neon drive" in picture(app, app.desk.takes)[-1]


async def test_new_takes_come_below_and_move_nothing() -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio) as (app, pilot):
        app.book.move(3)
        app.desk.takes.sync()
        before = picture(app, app.desk.takes)
        studio.make(score=0.99)
        studio.make()
        await settled(app, pilot)
        after = picture(app, app.desk.takes)
        assert after[1:] == before[1:]
        assert after[0].endswith("2 new ↓ ─")
        cursor, line = app.book.cursor, app.book.at - app.book.top
        app.feed.reorder()
        await settled(app, pilot)
        assert (app.book.cursor, app.book.at - app.book.top) == (cursor, line)
        assert app.book.list.lines[0] == 31
        assert app.book.top == 1
        assert "new" not in picture(app, app.desk.takes)[0]


async def test_what_happens_to_takes_is_shown_on_their_lines() -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio) as (app, pilot):
        studio.mark([1], {"verdict": "pinned"})
        studio.tell("scored", number=2, score=0.111, parts={}, faults=["clipped"])
        studio.mark([3], {"trashed": True})
        studio.tell("changed", kind="deleted", take=studio.kept[4])
        studio.tell("progress", stage="sampling", done=1, total=8)
        await settled(app, pilot)
        lines = picture(app, app.desk.takes)
        assert lines[1].startswith(" ★ 1 .90")
        assert lines[2].startswith(" ! 2 .11   2:04 neon drive · clipped")
        assert lines[3].startswith(" ★ 5")
        studio.mark([3], {"trashed": False})
        await settled(app, pilot)
        assert picture(app, app.desk.takes)[3].startswith(" • 3")


async def test_a_take_that_is_weighed_anew_has_one_score_in_the_list_and_beside_it() -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio) as (app, pilot):
        number = app.book.cursor
        studio.tell("scored", number=number, score=0.111, parts={"signal": 0.222}, faults=[], weighed=True)
        await settled(app, pilot)
        shown = "\n".join(picture(app, app.desk.take))
        assert "score .11" in shown
        assert "sound .22" in shown


async def test_a_filter_is_heeded_by_what_comes() -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio) as (app, pilot):
        app.book.filter = "score>0.8"
        app.feed.reorder()
        await settled(app, pilot)
        assert len(app.book) == 5
        studio.make(score=0.5)
        studio.make(score=0.95, stored="missing audio")
        await settled(app, pilot)
        assert app.book.list.lines[-1] == 32
        assert len(app.book) == 6


async def test_the_mouse_goes_to_takes_selects_and_scrolls() -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio) as (app, pilot):
        await pilot.click("TakeList", offset=(10, 3))
        assert app.book.at == 3
        await pilot.click("TakeList", offset=(10, 5), shift=True)
        assert len(app.book.selected) == 3
        await pilot.click("TakeList", offset=(10, 1), control=True)
        assert app.book.selected == {app.book.list.lines[each] for each in (1, 3, 4, 5)}
        await scroll(app, pilot, 1)
        assert (app.book.top, app.book.at) == (3, 1)
        await scroll(app, pilot, -1)
        assert app.book.top == 0


async def scroll(app: StudioApp, pilot: Pilot[str | None], by: int) -> None:
    mouse = pilot._post_mouse_events
    from textual import events

    kind = events.MouseScrollDown if by > 0 else events.MouseScrollUp
    await mouse([kind], "TakeList", offset=(5, 2), button=0)
    await pilot.pause()


async def test_empty_lists_say_why() -> None:
    studio = ScriptedStudio()
    async with desk_with(studio) as (app, pilot):
        assert "No takes yet." in picture(app, app.desk.takes)[1]
        app.book.filter = "pinned"
        app.feed.reorder()
        await settled(app, pilot)
        assert "No take passes the filter." in picture(app, app.desk.takes)[1]
        studio.make(pinned=True)
        await settled(app, pilot)
        assert picture(app, app.desk.takes)[1].startswith(" ★ 1")


async def test_trouble_with_a_list_is_told_and_the_line_may_break() -> None:
    studio = ScriptedStudio(some())
    studio.decodes = False
    async with desk_with(studio) as (app, pilot):
        assert len([1 for _, columns in studio.calls("peaks") if columns == 24]) == 1, "nothing there decodes audio"
        studio.refusals["order"] = Refused(400, {"error": "The filter is not understood.", "hint": "Mend it."})
        app.feed.reorder()
        await settled(app, pilot)
        assert "The filter is not understood. Mend it." in picture(app)[-1]
        assert len(app.book) == 30
        studio.refusals["rows"] = StudioGone("The studio does not answer.")  # type: ignore[assignment]
        app.book.move_to(10**6)
        app.desk.takes.sync()
        await settled(app, pilot)
        app.on_attached(await studio.session())
        await settled(app, pilot)
        assert "silent from 1:12" in picture(app, app.desk.takes)[-1]


async def test_nothing_is_drawn_that_is_as_it_was() -> None:
    studio = ScriptedStudio(some())
    async with desk_with(studio) as (app, pilot):
        drawn: list[int] = []
        plain = app.desk.takes.list.render_line
        app.desk.takes.list.render_line = lambda y: drawn.append(y) or plain(y)  # type: ignore[method-assign,func-returns-value]
        app.desk.takes.sync()
        studio.tell("changed", kind="changed", take=studio.kept[1])
        await settled(app, pilot)
        assert drawn == []
        app.book.move(1)
        app.desk.takes.sync()
        await settled(app, pilot)
        assert sorted(set(drawn)) == [0, 1]
