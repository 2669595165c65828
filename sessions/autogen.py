"""The AutoGen loop: keeps the engine busy with takes of a session's recipe, within its limits, and does as it is told.

It decides what comes next, when to wait and when to end; ``sessions.renderer`` carries it out. What a person asks for
goes before the loop. Everything that happens is an event.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.request import Request
from sessions.batch import RENDER, Ask
from sessions.engine_keeper import Models
from sessions.loop_worker import LoopWorker
from sessions.planner import Planner
from sessions.report import Run
from sessions.revisions import Revision
from sessions.take import Take


class AutoGen(LoopWorker):
    """The loop of one session, for ``async with``; it is off until ``turn_on``. It belongs to one event loop."""

    def turn_on(self, **overrides: Any) -> Run:
        """Starts the loop unless it is on, and returns its run; ``overrides`` are settings of this run alone."""
        if (run := self.run) is None:
            self._overrides = overrides
            run = Run(self._now(), deaths=self._engines.deaths, recycled=self._engines.recycled)
            self._at.begin(run)
            self._off.clear()
            self._renderer.carry_on()
            self._engines.retry()
            if self._revision.settings.recipe.says_nothing:
                self._notice("The recipe has neither a caption nor lyrics: the model makes what it likes.")
            self._nudge()
        return run

    async def off(self) -> Run | None:
        """Waits until a run is over, and returns it."""
        await self._off.wait()
        return self.last_run

    def skip(self) -> None:
        """Drops what is being made right now, and goes on with the next."""
        flight = self._renderer.front
        if flight is None or flight.batch.ask is not None:
            return
        dropped = flight.current()
        if self.run is not None:
            self.run.skipped += len(dropped)
        self._renderer.stop(flight, "skip", drop=dropped)
        self._notice("Skipped: what was being made is dropped, and the next take begins.")

    def ask(
        self, request: Request, *, parent: Take | None = None, operation: str = RENDER, revision: int | None = None
    ) -> asyncio.Future[list[Take]]:
        """Renders what a person wants right now, before the loop goes on; resolves to the takes.

        Where the request leaves its seeds open, they are drawn. The future raises what the render raised if no take
        came of it.
        """
        answer: asyncio.Future[list[Take]] = asyncio.get_running_loop().create_future()
        self._asks.append(Planner.asked(request, Ask(answer), parent, operation, revision))
        if self._renderer.make_way(self._flights()):
            self._notice("Your request comes first; the loop goes on after it, with what it was making.")
        self._nudge()
        return answer

    def follow(self, revision: Revision, *, models: Models | None = None) -> None:
        """Makes the next batch from another revision; ``models`` are what renders it, if that is to change.

        A limit of this run alone gives way to a new one for good: whoever set that later means it.
        """
        before, self._revision = self._revision, revision
        old, new = before.settings.loop, revision.settings.loop
        self._overrides = {n: v for n, v in self._overrides.items() if getattr(old, n) == getattr(new, n)}
        self._at.unpark()
        self._returned.clear()
        self._ladders.reset_if_changed(before.settings, revision.settings)
        if models is not None:
            self._engines.use(models, self._ladders.models(self._engines.engines))
        self._engines.retry()
        if before.settings.scores != revision.settings.scores:
            self._scoring.reweigh()
        for flight in self._flights():
            if not flight.begun:
                self._renderer.stop(flight, "outdated")
        if revision.number != before.number:
            self._notice(f"Revision {revision.number} counts from the next batch: {revision.changed}.")
        self._nudge()
