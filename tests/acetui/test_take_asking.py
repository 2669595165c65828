"""What can be asked of a take and made from it, by key: why, lineage, copies, verifying, siblings. Scripted studio."""

from __future__ import annotations

import base64
import tomllib
from pathlib import Path
from typing import Any

import pytest

from acetui import clipboard
from acetui.browsing import lineage, take_details, take_feed
from acetui.browsing.why_text import lines
from acetui.client import Refused
from acetui.looks.signs import ASCII, BRAILLE, PLAIN, UNICODE, Looks
from acetui.screens.telling import Lineage, Why
from engine.request import Request
from sessions.recipe_text import recipe_text
from tests.acetui.presses import presses
from tests.acetui.scripted_studio import ScriptedStudio, check_picture, desk_with, picture, take
from tests.acetui.test_take_keys import press, said


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_feed, "REST_SECONDS", 0.0)
    monkeypatch.setattr(take_details, "REST_SECONDS", 0.0)
    monkeypatch.delenv("TMUX", raising=False)


def judged() -> dict[str, Any]:
    request = {
        "caption": "melancholic synthwave, airy pads", "bpm": 96, "lyrics": "[Verse]\nnight rain", "keyscale": "",
        "inference_steps": 12, "seed": 8001, "timesignature": "4/4",
    }  # fmt: skip
    return take(
        1, score=0.871, parts={"lyric_alignment": 0.91, "signal": 0.5}, request=request, heard=True,
        plan={"keyscale": "A minor", "bpm": 98, "caption": "sad synthwave with airy pads"}, faults=("clipped",),
    )  # fmt: skip


def family_of_five() -> ScriptedStudio:
    return ScriptedStudio(
        [
            take(1, score=0.9, pinned=True),
            take(2, score=0.8, parent="id1", operation="sibling"),
            take(3, parent="id2", operation="finish", trashed=True),
            take(4, score=0.7, parent="id1", operation="sibling"),
            take(5, score=0.95, name="other"),
            take(6, parent="nobody", operation="sibling"),
        ]
    )


@presses("why", "why-down", "why-up", "why-page-down", "why-page-up", "why-close")
async def test_why_a_take_scores_as_it_does() -> None:
    async with desk_with(ScriptedStudio([judged()])) as (app, pilot):
        await press(app, pilot, "i")
        assert isinstance(app.screen, Why)
        check_picture("why-80x24", picture(app))
        top = picture(app)[1]
        await pilot.press("j")
        assert picture(app)[1] != top
        await pilot.press("k")
        assert picture(app)[1] == top
        await pilot.press("pagedown")
        assert "Made" in "\n".join(picture(app))
        await pilot.press("pageup")
        assert picture(app)[1] == top
        await pilot.press("escape")
        assert app.screen is app.desk


REASONS = {
    "kind": "vocal",
    "present": 0.65,
    "parts": [
        {"name": "lyric_alignment", "weight": 0.35, "value": 0.91},
        {"name": "semantic", "weight": 0.35, "value": None},
        {"name": "tempo_key", "weight": 0.15, "value": 0.75},
        {"name": "signal", "weight": 0.15, "value": 0.5},
    ],
    "standing": {"pool": 41, "place": 3, "ties": 2, "above": {"lyric_alignment": 0.95, "tempo_key": 0.5}},
}


def test_the_score_is_explained() -> None:
    told = take(
        1,
        score=0.78,
        parts={"lyric_alignment": 0.91, "tempo": 1.0, "key": 0.5, "signal": 0.5},
        measured={"bpm": 96.2, "keyscale": "E minor", "true_peak": -0.94, "repeated": 0.35},
    )
    found = [text for text, _ in lines(told, {}, REASONS, Looks(ASCII, PLAIN), 80)]
    assert found[0] == "Score .78, sung"
    assert [" ".join(text.split()) for text in found[1:5]] == [
        "lyrics .91 ##################.. weight 0.35",
        "meaning - missing weight 0.35",
        "tempo and key .75 ###############..... weight 0.15 (tempo 1.0, key .50)",
        "sound .50 ##########.......... weight 0.15",
    ]
    assert "  Place 3 of the 41 takes that were asked alike, level with 2 more." in found
    assert "  Above 95% of them in lyrics, 50% of them in tempo and key." in found
    assert "  96.2 bpm (asked for 96)" in found
    assert "  E minor (asked for A minor)" in found
    assert "  35% of it comes again nearly exactly" in found
    assert "  lyrics: nothing" in found
    doubtful = take(1, measured={"bpm": 96.2, "bpm_confidence": 0.1, "keyscale": "E minor", "key_confidence": 0.4})
    alone = {**REASONS, "standing": {"pool": 1, "place": 1, "ties": 0, "above": {}}}
    said = [text for text, _ in lines(doubtful | {"score": 0.5}, {}, alone, Looks(ASCII, PLAIN), 80)]
    assert "  It is the only take that was asked so." in said
    assert "  96.2 bpm (asked for 96; not sure, so it does not count)" in said
    assert "  E minor (asked for A minor)" in said
    planned = take(1, request={"seed": 5, "bpm": 96}, plan={"bpm": 98, "seed": 0, "likelihood": None, "model": "lm"})
    words = [text for text, _ in lines(planned, {}, {}, Looks(ASCII, PLAIN), 80)]
    words = words[words.index("Planned") + 1 : words.index("Made") - 1]
    assert words == ["  bpm: 98", "    asked: 96", "  seed: 0", "  model: lm"], "the plan's seed is not the take's"
    none = [
        text for text, _ in lines({**told, "score": None}, {}, {**REASONS, "present": 0.3}, Looks(ASCII, PLAIN), 80)
    ]
    assert none[0] == "Score none, sung"
    assert "  30% of the weights are there; a score needs half of them." in none


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_no_line_of_the_reasons_is_cut(size: tuple[int, int]) -> None:
    told = judged()
    told["request"]["cot_caption"] = told["plan"]["caption"] = "an energetic melody on square arpeggio " * 9
    async with desk_with(ScriptedStudio([told]), size) as (app, pilot):
        await press(app, pilot, "i")
        seen: list[str] = []
        for _ in range(9):
            seen += picture(app)
            await pilot.press("pagedown")
        assert any("square" in row for row in seen)
        assert [row for row in seen[1:] if app.looks.glyphs.more in row] == []


def test_reasons_are_as_wide_as_there_is_room_and_plain_where_they_must() -> None:
    told = judged()
    for width in (40, 80, 200):
        for looks in (Looks(UNICODE, BRAILLE), Looks(ASCII, PLAIN)):
            found = [text for text, _ in lines(told, {"caption": "x " * 99}, REASONS, looks, width)]
            assert max(map(len, found)) <= max(width, 80)
            assert not looks.ascii or all(text.isascii() for text in found)
    plain = [text for text, _ in lines(take(1, identity={}, timings={}), {}, {}, Looks(UNICODE, BRAILLE), 80)]
    assert "  none: nothing has judged it." in plain
    assert "Faults: none were found." in plain
    assert "Planned" not in plain


@presses("lineage", "lineage-down", "lineage-up", "lineage-page-down", "lineage-page-up", "lineage-go", "lineage-close")
async def test_the_lineage_is_walked() -> None:
    async with desk_with(family_of_five()) as (app, pilot):
        app.book.go_to(2)
        await press(app, pilot, "T")
        assert isinstance(app.screen, Lineage)
        assert picture(app)[:6] == [
            "▌ where take 2 comes from, and what came of it: 4 takes ─────────── esc closes ─",
            " 1 ★  .90  neon drive",
            " ├─ 2  .80  neon drive  sibling",
            " │  └─ 3  –  neon drive  finish  in the trash",
            " └─ 4  .70  neon drive  sibling",
            "",
        ]
        await pilot.press("j", "j", "k", "pageup", "pagedown")
        assert app.screen.number == 4
        await press(app, pilot, "enter")
        assert app.screen is app.desk
        assert app.book.cursor == 4
        await press(app, pilot, "T k enter")
        assert app.book.cursor == 4
        assert "Take 3 is in the trash." in said(app)
        app.book.filter = "number=5"
        await press(app, pilot, "= T")
        assert ": 1 take ──" in picture(app)[0]
        await press(app, pilot, "escape")


async def test_going_to_a_take_takes_the_filter_away_where_it_is_in_the_way() -> None:
    async with desk_with(family_of_five()) as (app, pilot):
        app.book.go_to(2)
        await press(app, pilot, "T")
        app.book.filter = "number=2"
        await app.feed.reordered()
        await press(app, pilot, "k enter")
        assert (app.book.cursor, app.book.filter, len(app.book)) == (1, "", 5)


async def test_a_family_whose_first_is_gone_and_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = family_of_five()
    assert (await lineage.family(studio, 6)).root == 6
    assert (await lineage.family(studio, 99)).rows == {}
    studio.kept |= {number: take(number, parent=f"id{number - 1}") for number in range(7, 40)}
    monkeypatch.setattr(lineage, "MOST", 10)
    found = await lineage.family(studio, 8)
    assert not found.whole
    assert len(lineage.tree(found, Looks(ASCII, PLAIN))) == 10
    studio.kept[1] = take(1, parent="id2")
    studio.kept[2] = take(2, parent="id1")
    circle = await lineage.family(studio, 1)
    assert {node.number for node in lineage.tree(circle, Looks(UNICODE, BRAILLE))} >= {1, 2}


@presses("copy-path", "copy-seed", "copy-recipe")
async def test_copies_go_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = ScriptedStudio([judged()])
    async with desk_with(studio) as (app, pilot):
        written: list[str] = []
        monkeypatch.setattr(app, "write_to_terminal", written.append)

        def copied() -> str:
            return base64.b64decode(written[-1].removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()

        await press(app, pilot, "y s")
        assert copied() == "8001"
        assert said(app) == "The seed of take 1 is sent to the terminal."
        await press(app, pilot, "y p")
        assert copied().endswith("/takes/1.flac")
        await press(app, pilot, "y r")
        assert tomllib.loads(copied())["recipe"]["inference_steps"] == 12
        studio.kept[1] = {**studio.kept[1], "files": {}}
        await app.feed.reordered()
        app.details.forget()
        await press(app, pilot, "y p")
        assert "The audio of take 1 is not there." in said(app)
        monkeypatch.setattr(clipboard, "MOST", 2)
        await press(app, pilot, "y s")
        assert "longer than terminals take" in said(app)


def test_tmux_is_asked_to_pass_it_on() -> None:
    plain = clipboard.sequence("rain", {})
    inside = clipboard.sequence("rain", {"TMUX": "/tmp/x"})
    assert plain == "\x1b]52;c;cmFpbg==\x07"
    assert inside == plain + "\x1bPtmux;\x1b\x1b]52;c;cmFpbg==\x07\x1b\\"
    assert "set-clipboard" in clipboard.hint({"TMUX": "x"})
    assert clipboard.hint({}) == ""


def test_a_recipe_is_a_file_that_can_be_rendered() -> None:
    text = recipe_text(judged()["request"])
    found = tomllib.loads(text)["recipe"]
    assert Request.from_dict(found) == Request.from_dict(judged()["request"])
    assert 'lyrics = """' in text
    assert tomllib.loads(recipe_text({})) == {"recipe": {}}


@presses("verify")
async def test_a_take_is_verified(tmp_path: Path) -> None:
    studio = ScriptedStudio([take(1), take(2)])
    studio.answers["verify"] = {"identical": True, "reason": "Identical."}
    async with desk_with(studio) as (app, pilot):
        await press(app, pilot, "V")
        assert said(app) == "Take 1: Identical."
        assert "verified: identical" in picture(app, app.desk.take)[0]
        studio.answers["verify"] = {"identical": False, "reason": "It differs, as it may."}
        await press(app, pilot, "g m V")
        assert said(app) == "0 of 2 came out identical."
        assert "verified: not the same" in picture(app, app.desk.take)[0]


@presses("sibling", "finish")
async def test_takes_are_made_from_takes() -> None:
    studio = ScriptedStudio([take(1), take(2)])
    async with desk_with(studio) as (app, pilot):
        await press(app, pilot, "v")
        assert said(app) == "A sibling of take 1 is rendered before the loop goes on."
        await press(app, pilot, "g m f")
        assert [what[:2] for what in studio.calls("operate")] == [(1, "sibling"), (1, "finish"), (2, "finish")]
        assert "2 takes" in said(app)
        studio.refusals["operate"] = Refused(409, {"error": "Nothing would change.", "hint": "Take another model."})
        await press(app, pilot, "f")
        assert "Nothing would change. Take another model." in said(app)
