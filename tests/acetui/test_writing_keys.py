"""Caption, lyrics and drafts from the keyboard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from acetui.app import StudioApp
from acetui.client import Client
from acetui.doing.songwriting import path_going_on
from acetui.looks.terminal_settings import AS_SHIPPED
from acetui.recipe.examples import examples
from acetui.studio_state import Connection
from engine.errors import InvalidRequest
from tests.acetui.pictured_studio import pictured
from tests.acetui.presses import presses
from tests.acetui.told_studio import until
from tests.acetui.written_studio import WrittenStudio, written


def bar(app: StudioApp) -> str:
    return app.desk.key_bar.message or "".join(segment.text for segment in app.desk.key_bar.render_line(0))


def heading(pane: Any) -> str:
    return str(pane.heading.render_line(0).text)


def row(pane: Any, y: int) -> str:
    return str(pane.editor.render_line(y).text)


async def test_the_applied_recipe_is_in_the_panes() -> None:
    async with written({"caption": "warm jazz", "lyrics": "[Verse]\nla la", "bpm": 96}) as (_, app, _pilot):
        assert (app.desk.caption.text, app.desk.lyrics.text) == ("warm jazz", "[Verse]\nla la")
        assert "2/256" in heading(app.desk.caption)
        assert "3/2048" in heading(app.desk.lyrics)


async def test_who_is_faster_than_the_studio_has_it_counted_once_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acetui.link.RETRY_SECONDS", (0.02,))
    async with written({"caption": "warm"}) as (told, app, pilot):
        told.go()
        await until(pilot, lambda: app.state.connection is Connection.LOST)
        await pilot.press("f2", "end", *" jazz", "ctrl+g", "ctrl+g")
        assert "That counts as soon as the studio answers." in bar(app)
        assert told.asked.count(("render", None)) == 0
        told.there = True
        await until(pilot, lambda: ("render", None) in told.asked)
        assert told.settings["recipe"] == {"caption": "warm jazz"}
        assert "Revision 2" in bar(app)
        assert told.asked.count(("render", None)) == 1
        told.go()
        await until(pilot, lambda: app.state.connection is Connection.LOST)
        monkeypatch.setattr("acetui.doing.applying.ANSWER_SECONDS", 0.0)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "not connected" in bar(app))


@presses("apply")
async def test_typing_and_applying() -> None:
    async with written({"caption": "warm"}) as (told, app, pilot):
        await pilot.press("f2", "end", *" jazz")
        assert "not applied" in heading(app.desk.caption)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: told.settings["recipe"] == {"caption": "warm jazz"})
        await until(pilot, lambda: ("render", None) in told.asked)
        assert "not applied" not in heading(app.desk.caption)
        assert "Revision 2" in bar(app)


async def test_what_is_typed_is_kept_as_it_is_typed_and_comes_back() -> None:
    told = WrittenStudio({"caption": "warm"})
    async with written(told=told) as (_, app, pilot):
        await pilot.press("f3", *"la")
        terminal = app.writing.drafting.terminal
        await until(pilot, lambda: told.kept.get(terminal, {}).get("typed") == {"lyrics": "la"}, seconds=2)
        await pilot.press(*" di")
    async with written(told=told) as (_, app, _pilot):
        assert app.desk.lyrics.text == "la di"
        assert "back" in bar(app)


async def test_somebody_elses_revision_comes_in_and_what_is_typed_stays() -> None:
    async with written({"caption": "warm", "lyrics": "la"}) as (told, app, pilot):
        await pilot.press("f2", "end", "!")
        told.becomes({"recipe": {"caption": "hot", "lyrics": "di"}})
        await until(pilot, lambda: app.desk.lyrics.text == "di")
        assert app.desk.caption.text == "warm!"
        assert "changed elsewhere too" in heading(app.desk.caption)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "both are kept" in bar(app))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: told.settings["recipe"] == {"caption": "warm!", "lyrics": "di"})


@presses("dice", "put-draft-away")
async def test_an_example_and_away_with_it() -> None:
    async with written({"caption": "mine", "bpm": 96}) as (_, app, pilot):
        await pilot.press("ctrl+t")
        known = {example["caption"] for example in examples()}
        assert app.desk.caption.text in known
        assert app.writing.drafting.differs("caption")
        rolled = app.desk.caption.text
        await pilot.press("ctrl+t")
        assert app.desk.caption.text in known - {rolled}
        again = app.desk.caption.text
        await pilot.press("w", "x")
        assert (app.desk.caption.text, app.writing.drafting.differs()) == ("mine", False)
        await pilot.press("w", "x")
        assert app.desk.caption.text == again


@presses("format")
async def test_lyrics_are_put_in_order_and_that_is_undone() -> None:
    rough = "[ Verse ]\nla\n[Chorus]\nla  "
    async with written({"lyrics": rough}) as (_, app, pilot):
        await pilot.press("f3", "ctrl+f")
        assert app.desk.lyrics.text == "[Verse]\nla\n\n[Chorus]\nla"
        await pilot.press("ctrl+z")
        assert app.desk.lyrics.text == rough


@presses("next-section", "previous-section", "sections")
async def test_through_the_sections() -> None:
    song = "[Verse]\nla la la\n\n[Chorus]\nho ho\n\n[Outro]\n"
    async with written({"lyrics": song}) as (_, app, pilot):
        editor = app.desk.lyrics.editor
        await pilot.press("f3", "ctrl+n")
        assert editor.cursor_location == (3, 0)
        await pilot.press("ctrl+n", "ctrl+n")
        assert editor.cursor_location == (6, 0)
        await pilot.press("ctrl+o")
        assert editor.cursor_location == (3, 0)
        await pilot.press("ctrl+l", *"outro", "enter")
        await pilot.pause()
        assert editor.cursor_location == (6, 0)
        assert app.desk.pane_here() is app.desk.lyrics


async def test_tags_are_completed_with_the_right_arrow() -> None:
    async with written({"lyrics": "[Verse 1]\nla"}) as (_, app, pilot):
        await pilot.press("f3", "ctrl+end", "end", "down", "end", "enter", *"[Ve")
        assert app.desk.lyrics.editor.suggestion == "rse 2]"
        await pilot.press("right")
        assert app.desk.lyrics.text == "[Verse 1]\nla\n[Verse 2]"


@presses("complete-tag")
async def test_tab_takes_the_tag_that_is_offered_and_else_goes_on() -> None:
    async with written({"lyrics": "la\nla"}) as (_, app, pilot):
        editor = app.desk.lyrics.editor
        await pilot.press("f3", "ctrl+end", "enter", *"[Cho")
        await pilot.press("tab")
        assert editor.text == "la\nla\n[Chorus]"
        assert app.desk.pane_here() is app.desk.lyrics
        await pilot.press("ctrl+home", *"x ")
        assert editor.text.startswith("x la\n")
        await pilot.press("tab")
        assert app.desk.pane_here() is app.desk.metadata


@presses("next-finding")
async def test_what_to_look_at_is_told_and_gone_to() -> None:
    lyrics = "[Verse]\nla\n[Zork]\nla\n[Verse\nla"
    async with written({"caption": "funk at 90 bpm", "lyrics": lyrics}) as (_, app, pilot):
        assert "90 bpm" in app.desk.caption.note.text
        assert "Line 5 opens a bracket" in app.desk.lyrics.note.text
        await pilot.press("f3", "ctrl+r")
        assert app.desk.lyrics.editor.cursor_location == (4, 0)
        assert "Line 5" in bar(app)
        await pilot.press("ctrl+r")
        assert app.desk.lyrics.editor.cursor_location == (4, 0)


async def test_syllables_stand_at_the_right_edge() -> None:
    song = (
        "[Verse]\nHeadlights bend along the shore\n(along the shore)\nall the lonely people in the city keep on waiting"
    )
    async with written({"lyrics": song}) as (_, app, pilot):
        assert row(app.desk.lyrics, 1).rstrip().endswith(" 7")
        assert not row(app.desk.lyrics, 0).rstrip().endswith("0")
        assert row(app.desk.lyrics, 2).strip() == "(along the shore)"
        assert row(app.desk.lyrics, 3).rstrip().endswith("14")
        await pilot.press("f3", "down", "end", *" and on")
        assert row(app.desk.lyrics, 1).rstrip().endswith(" 9")


@presses("own-editor")
async def test_the_persons_own_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nprintf "from outside\\n" > "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    async with written({"caption": "warm"}) as (_, app, pilot):
        from contextlib import nullcontext

        monkeypatch.setattr(app, "suspend", nullcontext)
        await pilot.press("f2", "ctrl+e")
        await pilot.pause()
        assert app.desk.caption.text == "from outside"
        assert app.writing.drafting.text("caption") in ("warm", "from outside")
        script.write_text("#!/bin/sh\nexit 4\n")
        await pilot.press("ctrl+e")
        await pilot.pause()
        assert "status 4" in bar(app)
        assert app.desk.caption.text == "from outside"


@presses("adopt-draft")
async def test_a_draft_of_a_terminal_that_is_gone() -> None:
    told = WrittenStudio({"caption": "warm"})
    told.kept["laptop-pts-9"] = {"revision": 1, "typed": {"lyrics": "left behind"}}
    async with written(told=told) as (_, app, pilot):
        assert "1 older draft waits" in bar(app)
        assert app.desk.lyrics.text == ""
        await pilot.press("w", "o")
        await until(pilot, lambda: app.desk.lyrics.text == "left behind")
        assert "laptop-pts-9" not in told.kept
        await pilot.press("w", "o")
        await until(pilot, lambda: "no draft" in bar(app))


@presses("lock-caption")
async def test_the_caption_is_held_against_the_planner() -> None:
    async with written({"caption": "warm"}) as (_, app, pilot):
        await pilot.press("w", "k")
        assert app.writing.drafting.recipe()["use_cot_caption"] is False
        await pilot.press("w", "k")
        assert not app.writing.drafting.differs()


async def test_a_lost_studio_loses_no_word() -> None:
    async with written({"caption": "warm"}) as (told, app, pilot):
        told.go()
        await until(pilot, lambda: app.state.connection.value == "lost")
        await pilot.press("f2", "end", *" jazz")
        await app.writing.drafting.flush()
        assert told.kept == {}
        told.there = True
        await until(pilot, lambda: [each["typed"] for each in told.kept.values()] == [{"caption": "warm jazz"}])


async def test_what_is_typed_before_the_studio_answers_stays() -> None:
    told = WrittenStudio({"caption": "applied", "lyrics": "la"})
    told.there = False
    app = StudioApp(Path("/nowhere/neon"), connect=told.connect)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.desk.complete)
        await pilot.press("f2", *"early words")
        await until(pilot, lambda: app.writing._drafting is not None)
        told.there = True
        await until(pilot, lambda: app.writing.settled)
        assert (app.desk.caption.text, app.desk.lyrics.text) == ("early words", "la")
        assert dict(app.writing.drafting.typed) == {"caption": "early words"}
        await until(pilot, lambda: [each["typed"] for each in told.kept.values()] == [{"caption": "early words"}])


async def test_typing_fast_and_applying_at_once_applies_all_of_it() -> None:
    from tests.acetui.test_desk import type_fast

    async with written({}) as (told, app, pilot):
        type_fast(app, "", "f2")
        type_fast(app, "quiet zither", "ctrl+g")
        await until(pilot, lambda: told.settings.get("recipe") == {"caption": "quiet zither"})


async def test_keys_that_move_and_delete_count_in_their_order_too() -> None:
    from tests.acetui.test_desk import type_fast

    async with written({"caption": "slow synthwave", "bpm": 96}) as (_, app, pilot):
        type_fast(app, "", "f2", "end")
        type_fast(app, " for us", "home")
        type_fast(app, "a ", "ctrl+w", "end", "backspace")
        type_fast(app, "p")
        await until(pilot, lambda: app.desk.caption.text == "slow synthwave for up")
        type_fast(app, "", "f4", "enter", "end", "backspace")
        type_fast(app, "8", "home", "delete")
        type_fast(app, "8", "enter")
        await until(pilot, lambda: dict(app.writing.drafting.typed).get("bpm") == "88")


async def test_the_last_words_are_kept_here_when_the_line_drops() -> None:
    from sessions.drafts import Drafts

    async with written({"caption": "warm"}) as (_, app, pilot):
        await pilot.press("f2", "end", "!")
        app.writing.keep_now()
        terminal = app.writing._terminal
        assert terminal is not None
        (draft,) = Drafts(terminal.kept).all()
        assert draft.typed == {"caption": "warm!"}
        await asyncio.sleep(0)


@presses("write-song")
async def test_a_song_of_one_sentence() -> None:
    async with written({"caption": "mine", "keyscale": "A minor"}) as (told, app, pilot):
        await pilot.press("f2", *"x", "f5", "w", "a")
        await until(pilot, lambda: app.desk.prompt.has_class("-open"))
        await pilot.press(*"a waltz", "enter")
        await until(pilot, lambda: app.desk.caption.text == "a soft waltz")
        assert ("sample", {"query": "a waltz"}) in told.asked
        assert app.desk.lyrics.text == "[Verse]\nla"
        draft = app.writing.drafting
        assert dict(draft.typed) == {
            "caption": "a soft waltz",
            "lyrics": "[Verse]\nla",
            "bpm": "90",
            "vocal_language": "en",
        }
        assert told.settings["recipe"] == {"caption": "mine", "keyscale": "A minor"}
        await pilot.press("w", "a", "escape")
        assert [name for name, _ in told.asked].count("sample") == 1


@presses("polish")
async def test_words_are_polished_and_what_is_set_stays() -> None:
    async with written({"caption": "waltz", "bpm": 120}) as (told, app, pilot):
        await pilot.press("f2", "end", *" soft", "f5", "w", "f")
        await until(pilot, lambda: app.desk.caption.text == "a soft waltz")
        asked = dict(told.asked)["format"]
        assert asked["recipe"] == {"caption": "waltz soft", "bpm": 120}
        assert "bpm" not in app.writing.drafting.typed


@presses("understand")
async def test_a_take_in_words() -> None:
    async with pictured((120, 40), AS_SHIPPED) as (app, pilot):
        await pilot.press("j", "w", "u")
        await until(pilot, lambda: app.desk.caption.text == "a soft waltz")
        assert f"take {app.book.cursor}" in bar(app)
        assert app.writing.drafting.typed["bpm"] == "90"


@presses("understand-file")
async def test_a_file_in_words(tmp_path: Path) -> None:
    for name in ("rain on tin.wav", "rainbow.flac", ".hidden"):
        (tmp_path / name).write_bytes(b"RIFF")
    (tmp_path / "songs").mkdir()
    assert path_going_on(f"{tmp_path}/r") == f"{tmp_path}/rain"
    assert path_going_on(f"{tmp_path}/so") == f"{tmp_path}/songs/"
    assert (
        path_going_on(f"{tmp_path}/nothing")
        is path_going_on("/nowhere/at all")
        is path_going_on(f"{tmp_path}/")
        is None
    )
    async with written({"caption": "mine"}) as (told, app, pilot):
        await pilot.press("w", "i", *f"{tmp_path}/rainb", "tab", "enter")
        await until(pilot, lambda: app.desk.caption.text == "a soft waltz")
        assert "rainbow.flac is typed, and not applied" in bar(app)
        assert told.asked[-1] == ("understand", {"source": f"hash of {tmp_path}/rainbow.flac"})
        await pilot.press("w", "i", "escape")
        assert [what for what, _ in told.asked].count("understand") == 1


async def test_a_file_that_is_not_there_is_not_sent() -> None:
    async with Client("token", door=Path("/nowhere")) as client:
        for file, why in (("/nothing.wav", "no such file"), ("/", "is a directory")):
            with pytest.raises(InvalidRequest, match=f"'{file}' cannot be read: {why}"):
                await client.upload(Path(file))


async def test_whether_it_fits_is_told_while_one_edits() -> None:
    async with written({"caption": "mine"}) as (_, app, pilot):
        await until(pilot, lambda: "fits: batch 1, 3.1 of 8.0 GB" in heading(app.desk.metadata))
        app.writing.type("batch_size", "4")
        await until(pilot, lambda: "1 not applied" in heading(app.desk.metadata))
        await pilot.resize_terminal(200, 50)
        await until(pilot, lambda: "1 not applied · fits: batch 4" in heading(app.desk.metadata))
