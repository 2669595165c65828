"""What fills the list: how little it asks, what it gives up, and what it does when the line breaks."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from acetui.browsing import take_details, take_feed
from acetui.browsing.take_book import TakeBook
from acetui.browsing.take_details import TakeDetails
from acetui.browsing.take_feed import TakeFeed
from acetui.browsing.take_filter import passes, take_of
from acetui.client import Client, Refused, StudioGone
from engine.errors import EngineError
from tests.acetui.scripted_studio import ScriptedStudio, take


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_feed, "REST_SECONDS", 0.0)
    monkeypatch.setattr(take_details, "REST_SECONDS", 0.0)


class Slow(ScriptedStudio):
    """Answers rows only when it is let."""

    def __init__(self, count: int) -> None:
        super().__init__([take(number) for number in range(1, count + 1)])
        self.let = asyncio.Event()

    async def rows(self, numbers: Any) -> list[dict[str, Any]]:
        found = await super().rows(numbers)
        await self.let.wait()
        return found


def feeding(studio: ScriptedStudio, height: int = 10) -> tuple[TakeBook, TakeFeed, list[EngineError]]:
    book, troubles = TakeBook(), list[EngineError]()
    book.sort = "number"
    book.resize(height)
    return book, TakeFeed(book, lambda: cast(Client, studio), lambda: None, troubles.append), troubles


async def test_what_was_scrolled_past_is_given_up() -> None:
    studio = Slow(1000)
    book, feed, _ = feeding(studio)
    feed.reorder()
    while not studio.calls("rows"):
        await asyncio.sleep(0)
    assert studio.calls("rows") == [list(range(1, 11))]
    book.move(3)
    feed.looked()
    await asyncio.sleep(0)
    assert len(studio.calls("rows")) == 1, "what comes is still of use"
    book.move_to(500)
    feed.looked()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert studio.calls("rows")[1:] == [list(range(book.list.lines[book.top], book.list.lines[book.top] + 10))]
    studio.let.set()
    await feed.settle()
    assert book.row(1) is None
    assert book.row(501) is not None
    feed.close()


async def test_the_order_is_asked_for_anew_and_only_the_last_counts() -> None:
    studio = ScriptedStudio([take(number) for number in range(1, 5)])
    book, feed, troubles = feeding(studio)
    book.filter = "number<3"
    feed.reorder()
    book.filter = "number>2"
    await feed.reordered()
    await feed.settle()
    assert book.list.lines == [3, 4]
    studio.refusals["order_by_revision"] = studio.refusals["order"] = Refused(400, {"error": "No.", "hint": "Yes."})
    await feed.reordered()
    assert [trouble.error for trouble in troubles] == ["No."]
    assert book.list.lines == [3, 4]


async def test_takes_that_are_gone_leave_and_old_rows_are_asked_for_again() -> None:
    studio = ScriptedStudio([take(number) for number in range(1, 5)])
    book, feed, _ = feeding(studio)
    await feed.reordered()
    await feed.settle()
    del studio.kept[2]
    studio.kept[3] = take(3, pinned=True)
    studio.asked.clear()
    feed.attached()
    await feed.settle()
    assert studio.calls("rows") == [[1, 3, 4]]
    row = book.row(3)
    assert row is not None
    assert "pinned" in row.marks
    del studio.kept[4]
    book.doubt()
    feed.looked()
    await feed.settle()
    assert book.list.lines == [1, 3]


async def test_a_broken_line_and_audio_that_cannot_be_had_are_borne() -> None:
    studio = ScriptedStudio([take(number) for number in range(1, 5)])
    book, feed, troubles = feeding(studio)
    studio.refusals["rows"] = StudioGone("The studio does not answer.")  # type: ignore[assignment]
    await feed.reordered()
    await feed.settle()
    assert (book.row(1), troubles) == (None, [])
    studio.refusals["peaks"] = Refused(404, {"error": "The audio is not there.", "hint": "Finish."})
    feed.looked()
    await feed.settle()
    assert set(feed.outlines) == {2, 3, 4}
    feed.happened({"event": "changed", "kind": "changed", "take": take(3, name="rain", parent="id1")})
    row = book.row(3)
    assert row is not None
    assert (row.name, row.parent_number) == ("rain", None)
    studio.kept[3] = take(3, name="rain", parent="id1")
    await feed.settle()
    row = book.row(3)
    assert row is not None
    assert row.parent_number == 1


async def test_the_whole_take_is_fetched_when_the_cursor_rests_and_once() -> None:
    studio = ScriptedStudio([take(number) for number in range(1, 60)])
    told: list[int | None] = []
    details = TakeDetails(lambda: cast(Client, studio), lambda: told.append(details.number))
    details.columns = 160
    for number in range(1, 20):
        details.select(number)
    await details.settle()
    assert studio.calls("take") == [19]
    assert studio.calls("peaks") == [(19, 160)]
    assert details.take is not None
    assert details.outline is not None
    details.select(19)
    await details.settle()
    assert len(studio.calls("take")) == 1
    details.columns = 400
    details.select(19)
    await details.settle()
    assert studio.calls("peaks")[-1] == (19, 400)
    details.changed(take(19, name="rain"))
    assert details.take["name"] == "rain"
    studio.decodes = False
    details.select(20)
    await details.settle()
    assert details.take["number"] == 20
    assert details.outline is None
    studio.refusals["take"] = Refused(404, {"error": "There is no take.", "hint": "Look."})
    details.select(21)
    await details.settle()
    assert details.take is None
    details.select(None)
    await details.settle()
    assert (details.take, details.outline, told[-1]) == (None, None, None)
    details.close()


def test_takes_pass_filters_here_as_they_do_in_the_studio() -> None:
    told = take(7, score=0.8, tags=("keep",), faults=("clipped",), trashed=True)
    assert take_of(told).tags == ("keep",)
    assert passes(told, "trashed and tags:keep and score>0.5 and bpm:96")
    assert not passes(told, "tags:keep")
    assert not passes(take(7), "pinned")
    assert passes(take(7), "")
    assert passes({**told, "number": -1}, "pinned"), "a take of a newer version is rather shown"
