"""The line to the studio: made again whenever it breaks, and whoever listens is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest

from acetui import link
from acetui.client import Client, StudioGone
from acetui.link import Link, NotThere
from engine.errors import EngineError


class Listening:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_attached(self, session: Mapping[str, Any]) -> None:
        self.heard.append(("attached", session["last_event"]))

    def on_studio_event(self, event: Mapping[str, Any]) -> None:
        self.heard.append(event["event"])

    def on_lost(self, error: EngineError) -> None:
        self.heard.append(("lost", error.error))


class Scripted:
    """The few calls that the line makes, answered from a script of events."""

    def __init__(self, events: list[str], closed: list[int]) -> None:
        self._events = events
        self._closed = closed
        self._asked = 0

    async def session(self) -> dict[str, Any]:
        self._asked += 1
        return {"last_event": f"x-{self._asked}"}

    async def events(self, after: str | None = None) -> AsyncIterator[dict[str, Any]]:
        for event in self._events:
            if event == "break":
                raise StudioGone("The studio does not answer.")
            if event == "wait":
                await asyncio.sleep(60)
            yield {"event": event, "id": "x"}

    async def close(self) -> None:
        self._closed.append(1)


async def follow(scripts: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int, Link]:
    monkeypatch.setattr(link, "RETRY_SECONDS", (0.0,))
    listening, closed, left = Listening(), list[int](), iter(scripts)

    async def connect() -> Client:
        script = next(left)
        if script == ["refuse"]:
            raise StudioGone("There is none.")
        return cast(Client, Scripted(script, closed))

    line = Link(connect, listening)
    task = asyncio.create_task(line.run())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return listening.heard, len(closed), line


def test_it_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = [["take", "break"], ["refuse"], ["loop"], ["missed", "wait"]]
    heard, closed, line = asyncio.run(follow(scripts, monkeypatch))
    assert heard == [
        ("attached", "x-1"),
        "take",
        ("lost", "The studio does not answer."),
        ("lost", "There is none."),
        ("attached", "x-1"),
        "loop",
        ("lost", "The studio has ended."),
        ("attached", "x-1"),
        ("attached", "x-2"),
    ]
    assert closed == 3
    with pytest.raises(NotThere):
        _ = line.client
