"""What goes to the terminal when a key is typed: the cells that differ, and none that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from acetui.panes.differing import region_of
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
