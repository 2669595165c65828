"""A jam: a session's loop in this process, in the foreground, from its start to the report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sessions.at_work import AtWork, Equipment, at_work
from sessions.report import MorningReport


class Jam:
    """One session in this process, made by ``Jam.open``."""

    def __init__(self, work: AtWork) -> None:
        self.store = work.store
        self.revisions = work.revisions
        self.engine = work.engine
        self.loop = work.loop
        self.events = work.events
        self.room = work.room
        self._lost = work.lost

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, recipe: Mapping[str, Any] | None = None, equipment: Equipment | None = None
    ) -> AsyncIterator[Self]:
        """The session in ``folder``, with nothing running but the engine's start; closed at the end of the block.

        ``recipe`` changes the session's recipe first, as an edit would. Raises as ``at_work`` does.
        """
        async with at_work(folder, recipe=recipe, equipment=equipment or Equipment()) as work:
            work.room.want()
            jam = cls(work)
            minding = asyncio.create_task(jam._mind_the_lock())
            try:
                yield jam
            finally:
                minding.cancel()
                await asyncio.gather(minding, return_exceptions=True)

    async def run(self, **overrides: Any) -> MorningReport:
        """Has the loop on until its end, and returns the report, which is saved in the session too."""
        self.loop.turn_on(**overrides)
        run = await self.loop.off()
        assert run is not None
        report = await asyncio.to_thread(MorningReport.of, run, self.store, asyncio.get_running_loop().time())
        path = await asyncio.to_thread(report.save, self.store.folder)
        self.events.publish("done", summary={**report.to_dict(), "report": str(path) if path else None})
        return report

    async def _mind_the_lock(self) -> None:
        """Ends the run where another process has the session: two must not write to it."""
        await self._lost.wait()
        self.events.publish(
            "error",
            error=f"Another process has taken the session {self.store.folder.name}: its lock was removed.",
            hint="What was announced is kept. End the other process, or attach to it with 'acetui'.",
            field=None,
        )
        self.loop.stop("now", "the session's lock was lost")
