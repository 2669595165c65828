"""Making something from a take, from the keyboard: on a real studio with real audio, pulled by a null device."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.recipe.remaking import END, START
from acetui.screens.remake import Remake
from tests.acetui.pictures import text_of
from tests.acetui.presses import presses
from tests.acetui.scripted_studio import ScriptedStudio, desk_with, take
from tests.acetui.test_listening_keys import at_once, desk, second
from tests.acetui.told_studio import until
from tests.sessions.jamming import state

__all__ = ["at_once", "state"]

pytestmark = pytest.mark.usefixtures("state")


def screen(app: StudioApp) -> Remake:
    assert isinstance(app.screen, Remake)
    return app.screen


def lines(app: StudioApp, *, candidates: bool = False) -> list[str]:
    found = screen(app).list if candidates else screen(app).form
    return [text for y in range(found.size.height) if (text := found.render_line(y).text.rstrip())]


async def opened(app: StudioApp, pilot: Pilot[str | None], key: str) -> Remake:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, Remake))
    await until(pilot, lambda: screen(app)._outline is not None)
    return screen(app)


@presses("repaint", "remake-down", "remake-up", "remake-more", "remake-less", "remake-close")
async def test_a_part_is_chosen_by_keys(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        made = await opened(app, pilot, "r")
        assert made.remaking.region == (0.0, 10.0)
        assert lines(app)[0].split() == ["from", "0:00.00"] or "0:00.00" in lines(app)[0]
        reversed_cells = [seg for seg in made.wave.render_line(0) if seg.style is not None and seg.style.reverse]
        assert reversed_cells
        await pilot.press("l", "l", "h")
        assert made.remaking.region == (0.5, 10.0)  # nobody has said how fast it is
        await pilot.press("j", "right", "down", "k")
        assert made.remaking.region == (0.5, 10.5)
        await pilot.press("escape")
        assert app.screen is app.desk


@presses("remake-far-more", "remake-far-less", "remake-bit-more", "remake-bit-less", "remake-unset", "remake-type")
@presses("remake-next", "remake-previous", "remake-cancel")
async def test_a_place_is_set_to_the_frame_and_words_are_typed(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        made = await opened(app, pilot, "r")
        await pilot.press("L", "L", "L", "H", ">", ">", "<")
        assert made.remaking.region == (2.04, 10.0)
        await pilot.press("enter", "home", *["delete"] * 9, *"0:03.5", "enter")
        assert made.remaking.region == (3.5, 10.0)
        await pilot.press("j", "enter", *["backspace"] * 9, *"soon", "enter")
        assert made.has_class("-typing")  # what makes no sense stays to be mended
        assert "repainting_end" in made.note.text or "soon" in made.note.text
        await pilot.press("escape")
        assert made.remaking.region == (3.5, 10.0)
        assert app.screen is made
        while made.here != "caption":
            await pilot.press("down")
        await pilot.press("enter", "home", *"choir, ", "down")
        assert made.remaking.given["caption"] == "choir, Neon drive, slow"
        assert made.here == "lyrics"
        await pilot.press("up", "backspace")
        assert "caption" not in made.remaking.given
        await pilot.press("enter", "!", "up", "k")
        assert made.here == "repaint_mode"
        assert "caption" in made.remaking.given


@presses("remake-send")
async def test_what_is_typed_is_rendered_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, studio):
        made = await opened(app, pilot, "c")
        await pilot.press("enter", "home", *"slow ", "ctrl+g")
        await until(pilot, lambda: len(made.candidates) == 2)
        child = await studio("GET", f"/api/takes/{made.candidates[0]}")
        assert child["request"]["caption"] == "slow Neon drive, slow"


@presses("remake-render", "remake-hear", "remake-itself", "remake-1", "remake-keep", "remake-reject")
async def test_candidates_come_are_heard_in_the_region_and_judged(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, studio):
        made = await opened(app, pilot, "r")
        number = made.number
        assert "none yet" in made._candidates_heading.render_line(0).text
        await pilot.press("r")
        await until(pilot, lambda: len(made.candidates) == 2)
        children = [(await studio("GET", f"/api/takes/{each}")) for each in made.candidates]
        assert {each["operation"] for each in children} == {"repaint"}
        assert {each["request"]["repainting_end"] for each in children} == {10.0}
        assert lines(app, candidates=True)[1].lstrip().startswith("1  take")
        for child in children:
            sound = studio.made.folder / (await studio("GET", f"/api/takes/{number}"))["files"]["audio"]
            (studio.made.folder / child["files"]["audio"]).write_bytes(sound.read_bytes())
        await pilot.press("p")
        assert "the take itself" in made.note.text
        await pilot.press("space")
        await until(pilot, lambda: second(app) > 0)
        assert app.listening.playhead is not None
        assert app.listening.playhead.region == (0.0, 10.0)
        await pilot.press("1")
        await until(pilot, lambda: app.listening.number == made.candidates[0])
        assert app.listening.playhead.region == (0.0, 10.0)
        await pilot.press("p")
        await until(pilot, lambda: "is kept" in made.note.text)
        await until(pilot, lambda: made.is_marked(made.candidates[0], "pinned"))
        await pilot.press("x")
        await until(pilot, lambda: made.is_marked(made.candidates[0], "rejected"))
        await pilot.press("o")
        await until(pilot, lambda: app.listening.number == number)
        await pilot.press("space")
        await until(pilot, lambda: app.listening.playhead is not None and not app.listening.playhead.playing)


@presses("remake-start", "remake-end")
async def test_a_part_is_set_by_ear(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        made = await opened(app, pilot, "r")
        await pilot.press("[")
        assert "Nothing plays" in made.note.text
        await pilot.press("space")
        await until(pilot, lambda: second(app) > 0.3)
        app.listening.seek(4.0)
        await pilot.press("[")
        assert made.remaking.given[START] > 4.0
        app.listening.seek(2.0)
        await pilot.press("]")
        assert made.remaking.given[START] < made.remaking.given[END] < 10.0


@presses("remake-2", "remake-3", "remake-4", "remake-5", "remake-6", "remake-7", "remake-8", "remake-9")
async def test_digits_without_a_candidate_say_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        made = await opened(app, pilot, "r")
        for digit in range(2, 10):
            await pilot.press(str(digit))
            await until(pilot, lambda digit=digit: f"no candidate {digit} yet" in made.note.text)


@presses("cover", "extend")
async def test_another_style_and_more_of_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, studio):
        made = await opened(app, pilot, "c")
        assert made.remaking.region is None
        await pilot.press("enter", "home", *"a choir of ", "enter")
        assert made.remaking.given["caption"] == "a choir of Neon drive, slow"
        await pilot.press("r")
        await until(pilot, lambda: len(made.candidates) == 2)
        child = await studio("GET", f"/api/takes/{made.candidates[0]}")
        assert (child["operation"], child["request"]["task_type"]) == ("cover", "cover")
        await pilot.press("[")
        assert "Nothing plays" in made.note.text
        await pilot.press("escape")
        longer = await opened(app, pilot, "e")
        await pilot.press("h", "h", "h", "h", "j", "j", "j", "j", "h", "r")
        await until(pilot, lambda: len(longer.candidates) == 1)
        child = await studio("GET", f"/api/takes/{longer.candidates[0]}")
        assert child["request"]["repainting_end"] == made.remaking.seconds + 10.0


async def test_what_was_made_of_it_before_is_there_when_one_comes_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        made = await opened(app, pilot, "r")
        await pilot.press("r")
        await until(pilot, lambda: len(made.candidates) == 2)
        before = made.candidates
        await pilot.press("q")
        again = await opened(app, pilot, "r")
        assert again.number == made.number
        await until(pilot, lambda: again.candidates == before)
        await asyncio.sleep(0)


@presses("remake-line-more", "remake-line-less")
async def test_a_place_goes_by_the_lines_of_the_lyrics(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        made = await opened(app, pilot, "r")
        await pilot.press(")")
        assert "is not known" in made.note.text
        lines = [[2.5, 4.0, "tail lights"], [6.0, 7.5, "only tail lights"]]
        made.remaking.take = {**made.remaking.take, "measured": {"timestamps": lines}}
        await pilot.press(")", ")", ")", "(")
        assert made.remaking.region == (4.0, 10.0)
        await pilot.press("j", "(")
        assert made.remaking.region == (4.0, 7.5)
        await pilot.press("j", "(")
        assert "no place" in made.note.text


async def test_in_the_smallest_terminal_the_heading_with_its_keys_is_seen() -> None:
    async with desk_with(ScriptedStudio([take(1)]), (60, 15)) as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await pilot.pause()
        shown = text_of(app)
        assert "take 1: a part anew" in shown[1]
        assert any("candidates" in line for line in shown[8:])
        said = " ".join(line.strip() for line in shown[-2:])
        assert said == "Where the new part begins: h l go by a beat, H L by a second, < > by a frame."
