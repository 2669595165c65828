"""The stream of events: what it says, and that a client that was away misses nothing it could have had."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sessions import api_events
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


class Stream:
    """The lines of one stream, taken apart."""

    def __init__(self, response: Any) -> None:
        self.response = response

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The id and the data of the next event."""
        fields: dict[str, str] = {}
        while line := (await self.response.content.readline()).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                data = json.loads(fields["data"])
                assert (data["event"], data["id"]) == (fields["event"], fields["id"])
                return fields["id"], data
        raise EOFError

    async def until(self, kind: str) -> tuple[str, dict[str, Any]]:
        while True:
            id, data = await self.next()
            if data["event"] == kind:
                return id, data


async def follow(ask: Api, last: str | None = None, **options: Any) -> Stream:
    headers = {"Last-Event-ID": last} if last is not None else {}
    response = await ask.raw("GET", "/api/events", headers=headers, **options)
    assert response.status == 200
    assert response.content_type == "text/event-stream"
    return Stream(response)


def test_what_happens_is_told_to_everybody_who_listens(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        first, second = await follow(ask), await follow(ask)
        await ask.until(lambda: ask.studio.attached == 2)
        (take,) = await ask.takes(1)
        for stream in (first, second):
            assert (await stream.until("take"))[1]["take"]["number"] == take["number"]
        await ask("PATCH", "/api/takes/1", {"pinned": True})
        changed = (await first.until("changed"))[1]
        assert (changed["kind"], changed["take"]["verdict"]) == ("changed", "pinned")
        await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": {"bpm": 96}})
        assert "bpm" in (await first.until("recipe"))[1]["changed"]

    on_api(tmp_path, act)


def test_a_client_that_comes_back_misses_nothing(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        stream = await follow(ask, (await ask("GET", "/api/session"))["last_event"])
        await ask.takes(1)
        last, _ = await stream.until("take")
        stream.response.close()
        takes = await ask.takes(3)
        again = await follow(ask, last)
        seen = [(await again.until("take"))[1]["take"]["number"] for _ in takes]
        assert seen == [take["number"] for take in takes]
        by_address = await ask.raw("GET", f"/api/events?after={last}")
        assert (await Stream(by_address).until("take"))[1]["take"]["number"] == takes[0]["number"]

    on_api(tmp_path, act)


def test_a_client_of_an_earlier_life_or_long_ago_is_told_that_it_missed_some(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        stream = await follow(ask, "0123abcd-7")
        assert (await stream.next())[1]["event"] == "missed"
        ask.studio.events.publish("notice", text="x")
        assert (await stream.until("notice"))[1]["text"] == "x"
        old = await follow(ask, f"{ask.studio.life}-0")
        for number in range(2100):
            ask.studio.events.publish("notice", text=str(number))
        slow = await follow(ask, f"{ask.studio.life}-0")
        assert (await slow.next())[1]["event"] == "missed"
        old.response.close()
        for wrong in ("7", "x-7", "0123abcd-", "0123abcd--1"):
            await ask("GET", "/api/events", headers={"Last-Event-ID": wrong}, status=400)

    on_api(tmp_path, act)


def test_a_silent_stream_shows_that_it_lives_and_ends_with_the_studio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "HEARTBEAT_SECONDS", 0.05)

    async def act(ask: Api) -> None:
        await ask.until(lambda: ask.studio.engine.ready)
        stream = await follow(ask)
        lines = [await stream.response.content.readline() for _ in range(6)]
        assert lines[0] == b"retry: 1000\n"
        assert b": \n" in lines
        ask.studio.events.close()
        async with asyncio.timeout(5):
            await stream.response.content.read()
        await ask.until(lambda: not ask.studio.attached)

    on_api(tmp_path, act)


def test_a_client_that_goes_away_is_not_counted_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_events, "HEARTBEAT_SECONDS", 0.05)

    async def act(ask: Api) -> None:
        stream = await follow(ask)
        await ask.until(lambda: ask.studio.attached == 1)
        stream.response.close()
        await ask.until(lambda: ask.studio.attached == 0)

    on_api(tmp_path, act)
