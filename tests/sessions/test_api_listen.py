"""The listen page as it is served, and what the terminal tells pages that follow it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sessions import api_events
from sessions.api_listen import page_files
from sessions.events import EventLog
from sessions.following import Following, Shown
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_the_page_is_given_to_anybody_here_and_runs_nothing_but_its_own_files(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        async with await ask.raw("GET", "/", token=None) as response:
            page = await response.text()
            assert response.status == 200
            assert response.content_type == "text/html"
            policy = response.headers["Content-Security-Policy"]
            tag = response.headers["ETag"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        async with await ask.raw("GET", "/", token=None, headers={"If-None-Match": tag}) as response:
            assert response.status == 304
        for place in re.findall(r'(?:src|href)="(/[^"]*)"', page):
            async with await ask.raw("GET", place, token=None) as response:
                assert response.status == 200, place
        assert not re.findall(r"<script(?![^>]*src=)|<style|\son[a-z]+=|\sstyle=", page)
        for path in ("/listen/nothing.js", "/listen/..%2fapi.py", "/listen/%2e%2e/api.py"):
            async with await ask.raw("GET", path, token=None) as response:
                assert response.status in (401, 404), path
                assert b"import" not in await response.read()
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with await ask.raw("GET", "/", token=None, headers=headers) as response:
                assert response.status == 403, headers
        async with await ask.raw("POST", "/", token=None) as response:
            assert response.status == 401

    on_api(tmp_path, act)


def test_the_page_asks_nobody_else() -> None:
    names = page_files()
    assert {"page.html", "page.css", "page.js"} <= set(names)
    for name, (_, content) in names.items():
        text = content.decode()
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import", text), name
        assert "innerHTML" not in text, name
        for imported in re.findall(r'from "\./([^"]+)"', text):
            assert imported in names, f"{name} imports {imported}"


def test_what_a_terminal_plays_is_told_to_pages_at_the_second_where_it_is() -> None:
    now = [100.0]
    events = EventLog()
    following = Following(events, lambda: now[0])
    assert following.now()["player"] == ""
    following.tell(Shown("terminal-1", selected=3, take=2, second=10.0, playing=True))
    now[0] += 4.5
    assert following.now() == {
        "player": "terminal-1", "selected": 3, "take": 2, "second": 14.5, "playing": True, "sounds": False,
        "region": None, "pages": 0,
    }  # fmt: skip
    following.tell(Shown("terminal-1", take=2, second=11.0, playing=True, region=(10.0, 12.0)))
    now[0] += 2.5
    assert following.now()["second"] == pytest.approx(11.5)
    now[0] += 60
    assert not following.now()["playing"], "a terminal that says nothing any more is gone"
    following.tell(Shown("terminal-1", take=2, second=7.0))
    now[0] += 9
    assert following.now()["second"] == 7.0
    assert [event.event for event in events.after(0)] == ["listening"], "the latest alone is kept"


def test_a_terminal_says_what_it_shows_and_plays(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(2)
        shown = {"take": 1, "selected": 2, "second": 3.5, "playing": True, "sounds": False, "region": [2, 9.5]}
        await ask("PUT", "/api/playing/terminal-7", shown)
        assert ask.studio.playing.numbers() == {1}
        told = (await ask("GET", "/api/session"))["listening"]
        assert told["player"] == "terminal-7"
        assert (told["take"], told["selected"], told["region"]) == (1, 2, [2, 9.5])
        assert told["second"] >= 3.5
        await ask("PUT", "/api/playing/terminal-7", {**shown, "playing": False})
        assert ask.studio.playing.numbers() == frozenset()
        assert (await ask("GET", "/api/session"))["listening"]["second"] == 3.5
        await ask("PUT", "/api/playing/page-1", {"take": 2})
        assert ask.studio.playing.numbers() == {2}
        assert (await ask("GET", "/api/session"))["listening"]["player"] == "terminal-7", "a page leads nobody"
        wrong: list[tuple[str, Any]] = [
            ("selected", 0), ("selected", "2"), ("second", -1), ("second", "3"), ("second", True), ("playing", 1),
            ("sounds", None), ("region", [3, 2]), ("region", [1]), ("region", "1-2"), ("region", [1, 1e12]),
        ]  # fmt: skip
        for name, value in wrong:
            refused = await ask("PUT", "/api/playing/terminal-7", {"take": 1, name: value}, status=400)
            assert refused["field"] == name

    on_api(tmp_path, act)


def test_pages_are_counted_while_they_follow_and_hear_that_the_line_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(api_events, "LOOK_SECONDS", 0.01)

    async def act(ask: Api) -> None:
        async with await ask.raw("GET", "/api/events?page=true") as page:
            assert page.status == 200
            await ask.until(lambda: ask.studio.following.now()["pages"] == 1)
            heard = b""
            async with asyncio.timeout(20):
                while b"event: beat\ndata: {}\n\n" not in heard:
                    heard += await page.content.readany()
            async with await ask.raw("GET", "/api/events") as other:
                told = b""
                async with asyncio.timeout(20):
                    while b"\n: \n\n" not in told:
                        told += await other.content.readany()
                assert b"beat" not in told
                assert ask.studio.following.now()["pages"] == 1
        await ask.until(lambda: ask.studio.following.now()["pages"] == 0)
        async with await ask.raw("GET", "/api/events?page=perhaps") as response:
            assert response.status == 400
            assert json.loads(await response.text())["field"] == "page"

    on_api(tmp_path, act)
