"""The list of takes on a real studio over its real HTTP: what keys do is in the session's folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from acetui.browsing import take_details, take_feed
from sessions.store import Store
from tests.acetui.real_desk import real_desk
from tests.acetui.scripted_studio import picture
from tests.acetui.test_take_keys import asked, press, said
from tests.sessions.jamming import state

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_feed, "REST_SECONDS", 0.0)
    monkeypatch.setattr(take_details, "REST_SECONDS", 0.0)


async def test_what_is_judged_is_kept_and_can_be_undone(tmp_path: Path) -> None:
    async with real_desk(tmp_path, (120, 40), takes=4) as (app, pilot, studio):
        assert app.book.list.lines == [1, 2, 3, 4]
        assert len([line for line in picture(app, app.desk.takes) if "neon drive" in line]) == 4
        await press(app, pilot, "p j * 4 j x j d")
        await asked(app, pilot, "n", "the last one")
        await press(app, pilot, "u")
        store = studio.studio.store
        assert store.get(1).pinned
        assert (store.get(2).rating, store.get(2).note) == (4, "")
        assert store.get(3).rejected
        assert store.get(4).trashed
        assert app.book.list.lines == [1, 2, 3]
        await press(app, pilot, "u u u u")
        assert [(store.get(n).pinned, store.get(n).rejected, store.get(n).trashed) for n in (1, 3, 4)] == [
            (False, False, False)
        ] * 3
        assert app.book.list.lines == [1, 2, 3, 4]
        await asked(app, pilot, "/", "number<3")
        assert app.book.list.lines == [1, 2]


async def test_siblings_come_below_and_have_a_family(tmp_path: Path) -> None:
    async with real_desk(tmp_path, (80, 24), takes=2) as (app, pilot, _):
        await press(app, pilot, "v")
        assert "A sibling of take 1" in said(app)
        async with asyncio.timeout(30):
            while app.book.list.new < 1:
                await pilot.pause(0.05)
        await press(app, pilot, "N")
        assert app.book.cursor == 3
        assert "sibling of 1" in picture(app, app.desk.take)[0]
        await press(app, pilot, "T")
        tree = [line.strip() for line in picture(app)[1:3]]
        assert tree == ["1  –  neon drive", "└─ 3  –  neon drive  sibling"]
        await press(app, pilot, "escape g p")
        assert app.book.cursor == 1
        await press(app, pilot, "i")
        assert "Asked and sent" in "\n".join(picture(app))
        await press(app, pilot, "escape")
        await press(app, pilot, "V")
        assert said(app).startswith("Take 1: ")
        await press(app, pilot, "g r")
        assert len(app.book) == 3


async def test_a_session_that_somebody_else_changes_is_followed(tmp_path: Path) -> None:
    async with real_desk(tmp_path, (80, 24), takes=2) as (app, pilot, studio):
        await studio("PATCH", "/api/takes/1", {"pinned": True, "tags": ["keep"]})
        await studio("DELETE", "/api/takes/2")
        async with asyncio.timeout(30):
            while app.book.list.lines != [1] or "★" not in "".join(picture(app, app.desk.takes)):
                await pilot.pause(0.05)
        assert isinstance(studio.studio.store, Store)
