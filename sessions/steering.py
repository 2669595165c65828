"""The loop of a studio, steered by people: on and off over restarts, with a report at the end of every run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sessions.autogen import AutoGen
from sessions.events import EventLog
from sessions.loop_wish import LoopWish, forget
from sessions.report import MorningReport
from sessions.settings import LoopSettings
from sessions.store import Store

STOPS: Mapping[str, str] = {"off": "batch", "stop-after": "take", "stop-now": "now"}
"""What ends the loop, and what is finished first: the batch, the take, or nothing."""

ACTIONS = ("on", "skip", *STOPS)


class Steering:
    """Turns ``loop`` on and off. That it is on is written down in ``folder`` (``sessions.loop_wish``).

    ``started`` is called when it is turned on; ``seen`` says whether anybody is there to see how a run ends.
    """

    def __init__(
        self,
        loop: AutoGen,
        store: Store,
        events: EventLog,
        folder: Path,
        *,
        started: Callable[[], None],
        seen: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._store = store
        self._events = events
        self._folder = folder
        self._started = started
        self._seen = seen
        self._next: Mapping[str, Any] | None = None
        """The settings of a run that was asked for while another one was ending."""

        self._seeing_off: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether the loop is on, or its end not reported yet."""
        return self._seeing_off is not None and not self._seeing_off.done()

    async def steer(self, action: str, overrides: Mapping[str, Any]) -> None:
        """Does one of ``ACTIONS``; ``overrides`` are settings of the run that ``on`` begins.

        Raises InvalidRequest for a setting that cannot be.
        """
        if action == "on":
            settings = LoopSettings.from_dict(overrides)
            given = {name: getattr(settings, name) for name in overrides}
            if self._loop.state == "stopping":
                self._next = given
            elif self._loop.run is None:
                await self._begin(given)
        elif action == "skip":
            self._loop.skip()
        else:
            self._next = None
            forget(self._folder)
            self._loop.stop(STOPS[action])

    async def go_on(self, settings: LoopSettings) -> None:
        """Turns the loop on where it was on when the last studio ended without being told to turn it off."""
        wish = await asyncio.to_thread(LoopWish.read, self._folder)
        if wish is None:
            return
        if (rest := await asyncio.to_thread(wish.left, settings, self._store)) is None:
            forget(self._folder)
            return
        self._turn_on(rest)
        self._events.publish("notice", text="The loop was on when the studio ended, and goes on.")

    async def close(self) -> None:
        """Waits for nothing any more. A loop that is on is still wanted: the next studio goes on with it."""
        if self._seeing_off is not None:
            self._seeing_off.cancel()
            await asyncio.gather(self._seeing_off, return_exceptions=True)

    async def _begin(self, overrides: Mapping[str, Any]) -> None:
        wish = await asyncio.to_thread(LoopWish.now, self._store, overrides)
        await asyncio.to_thread(wish.save, self._folder)
        self._turn_on(overrides)

    def _turn_on(self, overrides: Mapping[str, Any]) -> None:
        self._loop.turn_on(**overrides)
        self._started()
        if not self.busy:
            self._seeing_off = asyncio.create_task(self._see_off())

    async def _see_off(self) -> None:
        """Waits for the end of each run, and reports: to the folder too where nobody is there to see it."""
        while (run := await self._loop.off()) is not None:
            forget(self._folder)
            now = asyncio.get_running_loop().time()
            report = await asyncio.to_thread(MorningReport.of, run, self._store, now)
            unseen = self._loop.loop.headless or not self._seen()
            path = await asyncio.to_thread(report.save, self._store.folder) if unseen else None
            name = f"{path.parent.name}/{path.name}" if path else None
            self._events.publish("done", summary={**report.to_dict(), "report": name})
            if self._next is None:
                return
            overrides, self._next = self._next, None
            await self._begin(overrides)
