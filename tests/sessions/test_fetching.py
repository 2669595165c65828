"""What a download says beside its progress, as events of the studio."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from engine.hub.catalogue import VAE
from sessions.events import EventLog
from sessions.fetching import Fetching

LINES = (
    {"event": "notice", "text": "The hub cannot be reached. Another is asked in its place."},
    {"event": "progress", "model": "vae", "file": "config.json", "done": 10, "total": 10},
    {"event": "model", "name": "vae", "how": "downloaded"},
)


def test_that_another_hub_is_asked_is_told(tmp_path: Path) -> None:
    script = f"import sys; sys.stdin.readline(); print({chr(10).join(map(json.dumps, LINES))!r})"

    async def fetched() -> list[tuple[str, dict[str, Any]]]:
        events = EventLog()
        fetching = Fetching(events, (sys.executable, "-c", script))
        fetching.begin([VAE], tmp_path)
        async with asyncio.timeout(30):
            while fetching.busy:
                await asyncio.sleep(0.01)
        events.close()
        return [(event.event, dict(event.data)) async for event in events.follow(0)]

    seen = asyncio.run(fetched())
    assert ("notice", {"text": LINES[0]["text"]}) in seen
    assert seen[-1][1]["state"] == "done"
