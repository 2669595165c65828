"""The history from the keyboard."""

from __future__ import annotations

from acetui.app import StudioApp
from acetui.screens.history import History
from tests.acetui.presses import presses
from tests.acetui.told_studio import until
from tests.acetui.written_studio import WrittenStudio, written


def screen(app: StudioApp) -> History:
    assert isinstance(app.screen, History)
    return app.screen


def lines(app: StudioApp) -> list[str]:
    found = screen(app).list
    return [found.render_line(y).text.rstrip() for y in range(found.size.height)]


def diff(app: StudioApp) -> str:
    view = screen(app).diff
    return "\n".join(view.render_line(y).text.rstrip() for y in range(view.size.height)).rstrip()


def told() -> WrittenStudio:
    made = WrittenStudio({"caption": "warm jazz", "bpm": 96})
    made.becomes({"recipe": {"caption": "cold jazz", "bpm": 96, "lyrics": "[Verse]\nla"}})
    made.becomes({"recipe": {"caption": "cold jazz", "bpm": 104, "lyrics": "[Verse]\nla"}})
    return made


@presses("history", "history-down", "history-up", "history-close")
async def test_what_every_revision_changed() -> None:
    async with written(told=told()) as (_, app, pilot):
        await pilot.press("f7")
        await until(pilot, lambda: len(screen(app)._moments) == 3)
        assert "revision 3 (now)" in lines(app)[0]
        await until(pilot, lambda: "bpm  96 → 104" in diff(app))
        await pilot.press("j")
        await until(pilot, lambda: "cold jazz" in diff(app))
        assert "+[Verse]+" in diff(app)
        await pilot.press("down")
        await until(pilot, lambda: "bpm  auto → 96" in diff(app))
        await pilot.press("k", "escape")
        assert app.screen is app.desk


@presses("history-take-back")
async def test_a_revision_comes_back_as_a_draft() -> None:
    async with written(told=told()) as (_, app, pilot):
        await pilot.press("w", "h")
        await until(pilot, lambda: len(screen(app)._moments) == 3)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: app.screen is app.desk)
        assert app.desk.caption.text == "warm jazz"
        assert dict(app.writing.drafting.typed) == {"caption": "warm jazz", "lyrics": "", "bpm": "96"}


async def test_what_is_typed_and_what_was_planned_stand_above_the_revisions() -> None:
    async with written(told=told()) as (_, app, pilot):
        app.details.number = 46
        app.details._takes[46] = {
            "number": 46,
            "request": {"caption": "jazz"},
            "plan": {"caption": "warm jazz", "bpm": 90},
        }
        await pilot.press("f2", "end", "!")
        await pilot.press("f7")
        await until(pilot, lambda: len(screen(app)._moments) == 5)
        assert "typed" in lines(app)[0]
        assert "1 field on revision 3" in lines(app)[0]
        await until(pilot, lambda: "cold jazz!" in diff(app))
        await pilot.press("j")
        await until(pilot, lambda: "bpm  auto → 90" in diff(app))
        await pilot.press("enter")
        assert app.screen is not app.desk


@presses("history-page-down", "history-page-up", "history-more", "history-less")
async def test_many_revisions_and_a_long_difference() -> None:
    made = WrittenStudio({"lyrics": "\n".join(f"line {number}" for number in range(90))})
    for number in range(260):
        made.becomes({"recipe": {"bpm": 40 + number}})
    async with written(told=made) as (_, app, pilot):
        await pilot.press("f7")
        await until(pilot, lambda: len(screen(app)._moments) == 200)
        for _ in range(30):
            await pilot.press("pagedown")
        await until(pilot, lambda: len(screen(app)._moments) == 261)
        await pilot.press(*["pagedown"] * 9)
        await until(pilot, lambda: "line 0" in diff(app))
        before = diff(app)
        await pilot.press("right")
        assert diff(app) != before
        await pilot.press("left")
        assert diff(app) == before
        await pilot.press("pageup")
        assert screen(app).list.cursor < 260
