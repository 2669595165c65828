"""The engine process and its jobs: who asks waits until an engine is ready, and is told when one is lost meanwhile.

Jobs that were there when an engine died end with EngineLost; what was on its way is for the caller to ask for again.
How an engine is kept alive is ``sessions.engine_keeper``.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from engine.errors import EngineError
from engine.files import sweep
from engine.process import EngineDied, EngineProcess, RenderEvent
from engine.protocol import Output, ProtocolError
from sessions.engine_keeper import EngineKeeper, Models
from sessions.engine_life import EngineGaveUp, EngineLost, Life, Patience

__all__ = ["EngineGaveUp", "EngineLost", "Models", "Patience", "Supervisor"]


class Supervisor(EngineKeeper):
    """One engine at a time, for ``async with``. ``loaded`` is what the running one said of itself.

    ``name`` tells it from others of a crew (``sessions.crew``), in the notices too.
    """

    async def cancel(self, job: str) -> None:
        """Stops a job at the engine's next step, or where it waits for one. What has ended already is no error."""
        if not self._waiting.cancel(job) and self._life.engine and job in self._jobs:
            with contextlib.suppress(EngineError):
                await self._life.engine.cancel(job)

    async def render(self, job: str, request: Mapping[str, Any], output: Output) -> AsyncGenerator[RenderEvent, None]:
        """The events of one render, once an engine is ready for it; several may be under way, one behind the other.

        Raises what the engine raised, EngineLost for one that died or stalled meanwhile, and ``failure`` where there
        is no engine to be had.
        """
        life, engine = await self._admission(job)
        size = len(request.get("seeds") or "1") * float(request.get("duration") or 60.0)
        self._jobs[job] = size
        self._watchdog.expect("conditions")
        try:
            async with contextlib.aclosing(engine.render(request, output, id=job)) as events:
                async for event in events:
                    yield event
        except (EngineDied, ProtocolError) as gone:
            with contextlib.suppress(OSError):
                sweep(output.folder, engine.pid)
            hint = "Nothing that was announced is lost; what was on its way is made again."
            raise self._lost(life, gone, hint) from None

    async def write(
        self, id: str, job: str, request: Mapping[str, Any], query: str = "", source: str | None = None
    ) -> dict[str, Any]:
        """What the planner writes, behind what the engine has to do already; raises as ``render`` does."""
        life, engine = await self._admission(id)
        self._jobs[id] = 0.0
        self._watchdog.expect("planner")
        try:
            return await engine.write(job, request, query, source, id=id)
        except (EngineDied, ProtocolError) as gone:
            raise self._lost(life, gone, "Ask for it again.") from None

    def _lost(self, life: Life, gone: EngineDied | ProtocolError, hint: str) -> EngineLost:
        """What the job of an engine that is gone ends with."""
        if life is self._life:
            self._open = False  # the keeper learns of it in a moment; nobody is let in meanwhile
        killed = isinstance(gone, EngineDied) and gone.code == -signal.SIGKILL and life.stall is None
        return EngineLost(life.why(gone), hint, stage=life.last_stage(), killed=killed)

    async def _admission(self, job: str) -> tuple[Life, EngineProcess]:
        """Waits for an engine that takes jobs, which one that is to be replaced does not."""
        with self._waiting.of(job):
            while True:
                self._waiting.check(job)
                if self.failure is not None:
                    raise self.failure
                if self._life.engine and self.taking:
                    return self._life, self._life.engine
                await self._waiting.change()
