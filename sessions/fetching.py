"""Models on their way to this machine: one download at a time, in a process of its own, and how far it is as events.

Whoever asked may go: the studio stays until all is there. What has arrived of a download that is stopped, or fails, is
kept, and the next one goes on there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.hub.catalogue import Model
from engine.strict_json import Mismatch, parse_object
from sessions.clock import moment
from sessions.events import EventLog
from sessions.side_process import program

COMMAND = program("engine.hub.bringing")

EVENT = "models"

_LONGEST_LINE = 1 << 20


class Underway(EngineError):
    """A download while another one goes on."""


class Fetching:
    """The downloads of one studio; it belongs to one event loop. ``close`` ends what goes on."""

    def __init__(self, events: EventLog, command: Sequence[str] = COMMAND) -> None:
        self._events = events
        self._command = command
        self._task: asyncio.Task[None] | None = None
        self._told: dict[str, Any] | None = None
        self._sizes: dict[str, int] = {}
        self._done: dict[str, int] = {}

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return self._task is not None and not self._task.done()

    @property
    def done(self) -> bool:
        """Whether something was fetched, and all of it came."""
        return self._told is not None and self._told["state"] == "done"

    def now(self) -> Mapping[str, Any] | None:
        """How it stands, as its events tell; None where nothing was fetched."""
        return self._told

    def begin(self, models: Sequence[Model], root: Path) -> None:
        """Begins to fetch ``models`` to ``root``. Raises Underway."""
        if self.busy:
            raise Underway("Models are on their way already.", "Wait for them, or stop that first.")
        self._sizes = {model.name: model.size for model in models}
        self._done = {}
        self._told = {"state": "fetching", "folder": str(root), "names": list(self._sizes), "since": moment()}
        self._tell(model=None, file=None, error=None)
        self._task = asyncio.create_task(self._fetch(root))

    async def stop(self) -> None:
        """Ends what goes on; what has arrived is kept."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._tell(state="stopped")

    async def close(self) -> None:
        """Ends what goes on, and tells nobody."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _fetch(self, root: Path) -> None:
        try:
            error = await self._run(root)
        except (OSError, ValueError, KeyError, Mismatch) as cause:
            error = {"error": f"The download could not be run: {cause}.", "hint": "The studio's log may say more."}
        self._tell(state="failed" if error else "done", error=error)

    async def _run(self, root: Path) -> dict[str, Any] | None:
        """Has the program fetch everything; what went wrong, if something did."""
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LONGEST_LINE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        error = None
        try:
            question = {"root": str(root), "names": list(self._sizes)}
            process.stdin.write(json.dumps(question).encode() + b"\n")
            async for line in process.stdout:  # its input stays open: it would end with it
                told = parse_object(line)
                kind = told.pop("event", None)
                if kind == "error":
                    error = told
                elif kind == "notice":
                    self._events.publish("notice", text=str(told["text"]))
                else:
                    self._heard(told)
            if await process.wait() and error is None:
                error = {"error": "The download has ended without a word.", "hint": "Begin it again: it goes on there."}
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()  # and reads its pipes to their ends: nothing of it outlives the loop
        return error

    def _heard(self, told: Mapping[str, Any]) -> None:
        """A piece has arrived, or a whole model."""
        if "how" in told:
            name = told["name"]
            self._done[name] = self._sizes.setdefault(name, 0)
            self._tell(model=name, file=None)
        else:
            name = told["model"]
            self._sizes[name], self._done[name] = told["total"], told["done"]
            self._tell(model=name, file=told["file"])

    def _tell(self, **more: Any) -> None:
        assert self._told is not None
        sums = {"done": sum(self._done.values()), "total": sum(self._sizes.values())}
        self._told = {**self._told, **sums, **more}
        self._events.publish(EVENT, **self._told)
