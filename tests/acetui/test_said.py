"""What is too long for the last line, and for a heading: nothing is cut inside a word, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetui.looks.signs import UNICODE
from acetui.panes.heading import whole_parts
from acetui.panes.key_bar import MOST_ROWS, rows_of
from tests.acetui.told_studio import ToldStudio, studio, until

LONG = (
    "The models need 6.3 GB, and the disk of /nowhere/ada/share/acetui/models has 0.2 GB left. "
    "Make room, or name a folder on another disk in ACETUI_MODELS."
)


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=30), min_size=1, max_size=40), st.integers(40, 200))
def test_rows_hold_every_word_and_no_row_is_too_long(words: list[str], width: int) -> None:
    rows = rows_of(" ".join(words), width)
    assert all(len(row) <= width - 2 for row in rows)
    if len(rows) < MOST_ROWS:
        assert " ".join(rows).split() == words


def test_what_two_blanks_part_stays_together() -> None:
    assert rows_of("w ...  a write  c caption  g models", 24) == ["w ...  a write", "c caption  g models"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (60, "46 · neon drive · sibling of 41 · seed 8123"),
        (40, "46 · neon drive · sibling of 41"),
        (20, "46 · neon drive"),
        (4, "46"),
        (1, "…"),
    ],
)
def test_a_heading_loses_its_last_parts_whole(cells: int, words: str) -> None:
    assert whole_parts("46 · neon drive · sibling of 41 · seed 8123", cells, UNICODE) == words


async def test_a_long_sentence_is_read_whole_and_goes_with_the_next_key() -> None:
    async with studio(ToldStudio(), (80, 24)) as (app, pilot):
        app.complain(LONG)
        await pilot.pause()
        said, bar = app.desk.said, app.desk.key_bar
        read = [*(said.render_line(y).text for y in range(said.size.height)), bar.render_line(0).text]
        assert " ".join(" ".join(read).split()) == LONG
        assert said.region.bottom == bar.region.y
        await pilot.press("j")
        await pilot.pause()
        assert not said.display
        app.say("short")
        await pilot.pause()
        assert not said.display
        await pilot.press("w")
        await pilot.pause()
        assert said.display, "what can follow w is more than a line has room for"


async def test_what_is_wrong_in_the_form_is_read_whole_where_there_is_room_for_it() -> None:
    async with studio(ToldStudio(), (80, 24)) as (app, pilot):
        await pilot.press("f4")
        note = app.desk.metadata.note
        assert note.size.height == 1
        app.writing.type("bpm", "nonsense")
        await until(pilot, lambda: note.size.height == 2)
        read = " ".join(note.render_line(y).text.strip() for y in range(2))
        assert read.replace("! ", "") == note.text
        await pilot.press("j")
        await until(pilot, lambda: note.size.height == 1)


async def test_what_stands_in_place_of_takes_is_broken_between_words() -> None:
    async with studio(ToldStudio(), (60, 20)) as (app, pilot):
        await until(pilot, lambda: "No takes yet." in app.desk.takes.list.render_line(0).text)
        rows = [app.desk.takes.list.render_line(y).text.strip() for y in range(4)]
        assert " ".join(rows).split()[-4:] == ["render", "on", "and", "on."]
