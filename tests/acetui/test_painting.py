"""What goes to the terminal: the cells that differ, and none that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from acetui.panes.differing import region_of
from acetui.screens.painting import Painting
from benchmarks.ptys import Seen
from tests.acetui.written_studio import written

RED = Style(color="red")


def line(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(text, style)])


@pytest.mark.parametrize(
    ("before", "now", "region"),
    [
        (line("same"), line("same"), None),
        (line("warm jazz"), line("cold jazz"), Region(0, 3, 4, 1)),
        (line("abc"), Strip([Segment("a"), Segment("b", RED), Segment("c")]), Region(1, 3, 1, 1)),
        (line("abc"), line("abcd"), Region(0, 3, 4, 1)),
        (None, line("abc"), Region(0, 3, 3, 1)),
        (line("漢ab"), line("x ab"), Region(0, 3, 2, 1)),
        (line("a漢"), line("a字"), Region(1, 3, 2, 1)),
    ],
)
def test_the_cells_that_differ(before: Strip | None, now: Strip, region: Region | None) -> None:
    assert region_of(before, now, 3) == region


SIGNS = st.text(st.sampled_from("ab 漢"), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(SIGNS, SIGNS)
def test_painting_the_region_alone_makes_the_new_line(before: str, now: str) -> None:
    old, new = line(before), line(now)
    region = region_of(old, new, 0)
    if region is None:
        assert before == now
    elif old.cell_length == new.cell_length:
        left, middle, right = (
            old.crop(0, region.x).text,
            new.crop(region.x, region.right).text,
            old.crop(region.right).text,
        )
        assert left + middle + right == now


async def test_a_key_paints_a_few_cells_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async with written({"caption": "warm jazz", "lyrics": "[Verse]\nla\nla"}) as (_, app, pilot):
        await pilot.press("f3", "down", "end")
        await pilot.pause(0.6)
        painted: list[Region] = []
        editor: Any = app.desk.lyrics.editor
        refresh = Widget.refresh

        def seen(widget: Any, *regions: Region, **options: Any) -> Any:
            if widget is editor:
                painted.extend(regions or [Region(0, 0, 999, 999)])
            return refresh(widget, *regions, **options)

        monkeypatch.setattr(Widget, "refresh", seen)
        await pilot.press("x")
        await pilot.pause()
        assert {region.y for region in painted} == {1}
        assert sum(region.width for region in painted) <= 6
        painted.clear()
        await pilot.press("up")
        await pilot.pause()
        assert {region.y for region in painted} == {0, 1}
        assert sum(region.area for region in painted) <= 6


async def test_what_is_painted_is_what_would_be_painted_anew() -> None:
    song = "[Verse 1]\nHeadlights bend along the shore\n\n[Chorus - anthemic]\nWE ARE 漢字\n(tail lights)"
    async with written({"lyrics": song}, size=(80, 24)) as (_, app, pilot):
        editor = app.desk.lyrics.editor
        await pilot.press("f3")
        keys = ["down", "end", "x", "enter", "[", "B", "right", "up", "home", "delete", "ctrl+k", "ctrl+z", "pagedown"]
        for key in [*keys, "漢", "backspace", "f6", "y", "f6", "shift+left", "z"]:
            await pilot.press(key)
            await pilot.pause()
            shown = [
                "".join(segment.text for segment in strip)[editor.region.x : editor.region.right]
                for strip in app.screen._compositor.render_strips()[editor.region.y : editor.region.bottom]
            ]
            editor._line_cache.clear()
            anew = [editor._line(y).text.rstrip() for y in range(editor.size.height)]
            assert [line.strip() for line in shown] == [line.strip() for line in anew], key
            seen = {y: editor._painted[y].text.rstrip() for y in range(editor.size.height)}
            assert list(seen.values()) == anew, key


# --- what stands on the terminal -------------------------------------------------------------------------------------

WIDTH, HEIGHT = 12, 3
STYLES = st.sampled_from(
    [
        None,
        RED,
        Style(color="#ff0000", bgcolor="#102030"),
        Style(color="blue", bgcolor="color(99)", bold=True),
        Style(bold=True, underline=True),
        Style(reverse=True, bgcolor="bright_white"),
        Style(dim=True, italic=True, color="bright_black"),
    ]
)
SIGNS_OF_ONE_CELL = "ab  \u2500\u258c"


def rows(signs: str) -> st.SearchStrategy[Strip]:
    pieces = st.lists(st.tuples(st.text(st.sampled_from(signs), max_size=6), STYLES), min_size=1, max_size=5)
    return pieces.map(
        lambda found: Strip([Segment(text, style) for text, style in found]).adjust_cell_length(WIDTH, RED)
    )


LINES, COLUMNS = st.integers(0, HEIGHT - 1), st.integers(0, WIDTH)
EDITS = st.one_of(
    st.lists(st.tuples(LINES, rows(SIGNS_OF_ONE_CELL), COLUMNS, COLUMNS), max_size=8),
    st.lists(st.tuples(LINES, rows("ab \u6f22\u2500"), st.just(0), st.just(WIDTH)), max_size=8),
)
"""Lines, what comes to stand there, and between which columns of it."""


def sent(painting: Painting, *parts: tuple[int, int, Strip]) -> str:
    return painting.written(parts, WIDTH, ColorSystem.TRUECOLOR)


@settings(max_examples=80, deadline=None)
@given(EDITS)
@example([(0, line("x" * WIDTH, RED), 0, 5), (0, line("x" * WIDTH), 3, 9)])
def test_many_small_changes_leave_what_painting_it_all_would(edits: list[tuple[int, Strip, int, int]]) -> None:
    painting, terminal = Painting(), Seen(WIDTH, HEIGHT)
    stands = [Strip([Segment(" " * WIDTH)])] * HEIGHT
    terminal.feed(sent(painting, *((y, 0, strip) for y, strip in enumerate(stands))).encode())
    for y, strip, one, other in edits:
        left, right = sorted((one, other))
        new = strip.crop(left, right)
        stands[y] = Strip.join([stands[y].crop(0, left), new, stands[y].crop(right)])
        terminal.feed(sent(painting, (y, left, new)).encode())
    at_once = Seen(WIDTH, HEIGHT)
    at_once.feed(sent(Painting(), *((y, 0, strip) for y, strip in enumerate(stands))).encode())
    assert [terminal.row(y) for y in range(HEIGHT)] == [at_once.row(y) for y in range(HEIGHT)]
    plain = Seen(WIDTH, HEIGHT)
    for y, strip in enumerate(stands):
        pieces = [Strip.render_style(style or Style.null(), text, ColorSystem.TRUECOLOR) for text, style, _ in strip]
        plain.feed(f"\x1b[{y + 1};1H{''.join(pieces)}".encode())
    assert [at_once.row(y) for y in range(HEIGHT)] == [plain.row(y) for y in range(HEIGHT)], "as the toolkit writes it"


def test_what_stands_there_is_not_written_again_and_of_looks_only_what_changes() -> None:
    painting = Painting()
    style = Style(color="#ff0000", bgcolor="#000000")
    assert sent(painting, (0, 0, line("for 2 s", style))) == "\x1b[1;1H\x1b[38;2;255;0;0;48;2;0;0;0mfor 2 s\x1b[0m"
    assert sent(painting, (0, 0, line("for 2 s", style))) == ""
    assert sent(painting, (0, 0, line("for 3 s", style))) == "\x1b[1;5H\x1b[38;2;255;0;0;48;2;0;0;0m3\x1b[0m"
    other = Style(color="#00ff00", bgcolor="#000000")
    two = Strip([Segment("f", style), Segment("o", other), Segment("r 3 s", style)])
    assert sent(painting, (0, 0, two)) == "\x1b[1;2H\x1b[38;2;0;255;0;48;2;0;0;0mo\x1b[0m"
    assert sent(painting, (1, 0, two)).count("48;2") == 1
    painting.forget()
    assert sent(painting, (1, 0, two)) != ""


def test_of_signs_that_terminals_measure_differently_none_is_cut() -> None:
    painting = Painting()
    sent(painting, (0, 0, line("ab\u6f22\u5b57cd", RED)))
    written_again = sent(painting, (0, 0, line("ab\u6f22\u5b57ce", RED)))
    assert "ab\u6f22\u5b57ce" in written_again


def test_another_width_paints_everything() -> None:
    painting = Painting()
    wide = [(0, 0, line("abc"))]
    painting.written(wide, 3, ColorSystem.TRUECOLOR)
    assert painting.written(wide, 4, ColorSystem.TRUECOLOR) == "\x1b[1;1Habc"
