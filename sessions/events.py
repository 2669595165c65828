"""What happens in a session, as numbered events that anybody can follow and go on following after a pause.

Kinds are those of the command line's JSON lines: ``take``, ``progress``, ``loop``, ``run``, ``notice``, ``error``,
``done``, and ``scored`` when a scorer has judged a take. All of it belongs to one event loop; nothing here is
thread-safe.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 2000
"""Events that can be had again. A client that was away for longer is told that it has missed some."""

TRANSIENT = frozenset({"progress", "run", "engine", "machine", "counts", "listening", "models"})
"""Kinds of which only the latest event is worth having."""

MISSED = "missed"


@dataclass(frozen=True)
class Event:
    """One thing that happened. Numbers rise by one from 1, in the life of one log."""

    id: int
    event: str
    data: Mapping[str, Any]

    def object(self) -> dict[str, Any]:
        """The event as JSON lines and server-sent events have it."""
        return {"event": self.event, "id": self.id, **self.data}


class EventLog:
    """The latest events of a session."""

    def __init__(self, keep: int = KEPT) -> None:
        self._keep = keep
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._latest: dict[str, int] = {}
        self._forgotten = 0
        self._closed = False
        self._news = asyncio.Event()
        self.last_id = 0

    def publish(self, event: str, **data: Any) -> Event:
        """Adds an event and wakes everybody who follows."""
        self.last_id += 1
        published = Event(self.last_id, event, data)
        if event in TRANSIENT:
            self._events.pop(self._latest.get(event, 0), None)
            self._latest[event] = published.id
        self._events[published.id] = published
        if len(self._events) > self._keep:
            oldest, gone = self._events.popitem(last=False)
            if gone.event not in TRANSIENT:
                self._forgotten = oldest
        self._pulse()
        return published

    def after(self, id: int) -> list[Event]:
        """The events after the one numbered ``id``, as far as they are kept; the first says so if some are not."""
        missed = [Event(self._forgotten, MISSED, {"after": id})] if id < self._forgotten else []
        kept = range(max(id, self._forgotten) + 1, self.last_id + 1)
        return missed + [self._events[number] for number in kept if number in self._events]

    async def follow(self, after: int | None = None) -> AsyncIterator[Event]:
        """Every event from now on, or after the one numbered ``after``; ends when the log is closed."""
        seen = self.last_id if after is None else after
        while True:
            news = self._news
            for event in self.after(seen):
                seen = event.id
                yield event
            if news is not self._news:
                continue
            if self._closed:
                return
            await news.wait()

    def close(self) -> None:
        """There will be no more events; who follows gets what is there and ends."""
        self._closed = True
        self._pulse()

    def _pulse(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
