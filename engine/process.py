"""The parent's end of an engine process: starts one, sends it jobs, yields what it says. asyncio; no torch.

    async with EngineProcess.start() as engine:
        await engine.load(dit="acestep-v15-turbo")
        async for event in engine.render(request, output):
            ...

Failures that the engine reports are raised as the exceptions they were there. An engine that goes away without a word
is an :class:`EngineDied`, raised in every job that was waiting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, Self, cast

from engine.errors import EngineError
from engine.protocol import (
    MAX_LINE,
    PROTOCOL_VERSION,
    Cancel,
    Command,
    Done,
    ErrorEvent,
    Hello,
    Load,
    Loaded,
    Message,
    Notice,
    Output,
    Ping,
    Pong,
    ProgressEvent,
    ProtocolError,
    Render,
    Shutdown,
    TakeEvent,
    Write,
    Written,
    parse,
)

COMMAND = (sys.executable, "-P", "-m", "engine.host")
HELLO_SECONDS = 60.0
GRACE_SECONDS = 10.0
LOG_TAIL_BYTES = 64 * 2**10
LOG_SECONDS = 1.0
"""How long to wait for the end of a dead engine's log; a program that it started may hold it open for ever."""

RenderEvent = ProgressEvent | TakeEvent | Notice | Done
ProgressListener = Callable[[ProgressEvent], None]
Listener = Callable[[Message], None]


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """Ours, with threads that sleep while they wait for each other, and cards in the order of the bus; and its ``own``.

    Threads that spin instead take the cores from everybody else, the terminal included, and where another program
    keeps a core busy they wait for each other many times as long (docs/performance.md). CUDA would count the cards from
    what it takes to be the fastest, and their driver counts by the bus: then "the first" would be two different ones.
    """
    return {"OMP_WAIT_POLICY": "PASSIVE", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", **os.environ, **own}


class EngineDied(EngineError):
    """The engine process is gone. ``log_tail`` is the end of what it wrote to its log, for the curious.

    ``code`` is how it ended, as subprocess counts codes: below zero, the signal that ended it; None if nobody knows.
    """

    def __init__(self, error: str, hint: str, log_tail: str = "", code: int | None = None) -> None:
        super().__init__(error, hint)
        self.log_tail = log_tail
        self.code = code


class EngineProcess:
    """One running engine. Jobs run there one after another, in the order in which they were asked for."""

    def __init__(self, process: Process, log: BinaryIO | None, heard: Listener | None = None) -> None:
        """Takes over a process that was just spawned; use :meth:`start`."""
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._process = process
        self._commands, self._events, self._stderr = process.stdin, process.stdout, process.stderr
        self._log = log
        self._heard = heard
        self._log_tail = b""
        self._numbers = itertools.count(1)
        self._inboxes: dict[str, asyncio.Queue[Message | EngineError]] = {}
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._end: EngineError | None = None
        self._log_reader = asyncio.create_task(self._read_log())
        self._event_reader = asyncio.create_task(self._read_events())

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        command: Sequence[str] = COMMAND,
        log: BinaryIO | None = None,
        hello_within: float = HELLO_SECONDS,
        heard: Listener | None = None,
        env: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Self]:
        """A running engine that has said hello, closed at the end of the block.

        It has its own process session, so that Ctrl-C in the terminal reaches the parent only. What it writes to its
        standard error goes to ``log`` too. ``heard`` is called with every message the moment it comes, whether or not
        its job is being iterated. ``env`` is what its environment has beside ours. Raises EngineDied if it does not
        come up, ProtocolError if it speaks another version.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=MAX_LINE,
            start_new_session=True,
            env=_environment(env or {}),
        )
        engine = cls(process, log, heard)
        try:
            await engine._greet(hello_within)
            yield engine
        finally:
            await engine.close()

    @property
    def pid(self) -> int:
        """The process id of the engine."""
        return self._process.pid

    @property
    def hello(self) -> Hello:
        """What the engine said of itself when it started."""
        return self._hello.result()

    async def load(
        self,
        models: str | None = None,
        dit: str | None = None,
        lm: str | None = None,
        device: str = "auto",
        dtype: str | None = None,
        threads: int | None = None,
        offload: bool | None = None,
        offload_dit: bool | None = None,
        guidance_passes: int | None = None,
        quantization: str | None = None,
        lm_draft: str | None = None,
        *,
        progress: ProgressListener | None = None,
    ) -> Loaded:
        """Makes a model ready, see :class:`engine.protocol.Load`; raises what the engine raised."""
        job = self._next_id()
        saving = (offload, offload_dit, guidance_passes, quantization, lm_draft)
        async for event in self._job(Load(job, models, dit, lm, device, dtype, threads, *saving)):
            if isinstance(event, Loaded):
                return event
            if progress and isinstance(event, ProgressEvent):
                progress(event)
        raise AssertionError("a job ends with its result or raises")

    async def render(
        self, request: Mapping[str, Any], output: Output, *, id: str | None = None
    ) -> AsyncGenerator[RenderEvent, None]:
        """Progress, takes and notices of one render as they come; the last event is Done.

        Raises what the engine raised, Cancelled included. Leaving the iteration early cancels the render.
        """
        events = self._job(Render(id or self._next_id(), dict(request), output))
        async with contextlib.aclosing(events):
            async for event in events:
                yield cast(RenderEvent, event)

    async def write(
        self,
        job: str,
        request: Mapping[str, Any],
        query: str = "",
        source: str | None = None,
        *,
        id: str | None = None,
        progress: ProgressListener | None = None,
    ) -> dict[str, Any]:
        """What the planner writes, see :class:`engine.protocol.Write`; raises what the engine raised."""
        async for event in self._job(Write(id or self._next_id(), job, dict(request), query, source)):
            if isinstance(event, Written):
                return event.plan
            if progress and isinstance(event, ProgressEvent):
                progress(event)
        raise AssertionError("a job ends with its result or raises")

    async def cancel(self, id: str | None = None) -> None:
        """Asks for the job ``id``, or for all jobs, to stop; each then raises Cancelled where it is awaited."""
        for job in [id] if id else list(self._inboxes):
            await self._send(Cancel(job))

    async def ping(self, timeout: float = 10.0) -> None:
        """Returns once the engine has answered; TimeoutError if it does not in time."""
        async with asyncio.timeout(timeout):
            async for _ in self._job(Ping(self._next_id())):
                pass

    async def ended(self) -> EngineError:
        """Waits until the engine is gone, and returns what its jobs were told."""
        await asyncio.shield(self._event_reader)
        return self._end or _died(None, "")

    def kill(self) -> None:
        """Ends the engine at once. Committed takes stay; nothing is ever half-written under its final name."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Ends the engine: asks it to, then SIGTERM, then SIGKILL, ``grace`` seconds each. Safe to call twice.

        Who is cancelled here has no time for that, and the engine ends at once.
        """
        with contextlib.suppress(EngineError):
            await self._send(Shutdown())
        self._commands.close()
        try:
            for insist in (self._process.terminate, self._process.kill):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(grace):
                        await self._process.wait()
                    break
                with contextlib.suppress(ProcessLookupError):
                    insist()
            await self._process.wait()
        except asyncio.CancelledError:
            self.kill()
            raise
        await self._event_reader
        self._log_reader.cancel()

    def _next_id(self) -> str:
        return f"job-{next(self._numbers)}"

    async def _greet(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                hello = await self._hello
        except TimeoutError:
            self.kill()
            raise EngineDied(f"The engine did not start within {seconds:g} seconds.", "Try again.") from None
        if hello.protocol != PROTOCOL_VERSION:
            raise ProtocolError(f"The engine speaks protocol {hello.protocol}, this program {PROTOCOL_VERSION}.")

    async def _job(self, command: Load | Render | Write | Ping) -> AsyncGenerator[Message, None]:
        """Sends ``command`` and yields the events of its id up to the one that ends it."""
        if command.id in self._inboxes:
            raise ProtocolError(f"A job with the id '{command.id}' is still running.")
        inbox: asyncio.Queue[Message | EngineError] = asyncio.Queue()
        self._inboxes[command.id] = inbox
        ended = False
        try:
            await self._send(command)
            while not ended:
                event = await inbox.get()
                ended = isinstance(event, Loaded | Done | Written | Pong | ErrorEvent | EngineError)
                if isinstance(event, ErrorEvent):
                    raise event.to_exception()
                if isinstance(event, EngineError):
                    raise event
                yield event
        finally:
            del self._inboxes[command.id]
            if not ended:
                with contextlib.suppress(EngineError):
                    await self._send(Cancel(command.id))

    async def _send(self, command: Command) -> None:
        line = command.to_json().encode() + b"\n"
        if len(line) > MAX_LINE:
            raise ProtocolError(f"The '{command.type}' message is larger than {MAX_LINE // 2**20} MiB.")
        if self._end:
            raise self._end
        try:
            self._commands.write(line)
            await self._commands.drain()
        except ConnectionError:
            self.kill()  # an engine that no longer listens has ended, or is of no more use
            await asyncio.shield(self._event_reader)
            raise self._end or _died(None, "") from None

    async def _read_events(self) -> None:
        """Hands every event to the job that waits for it, until the engine is gone."""
        end: EngineError | None = None
        try:
            while line := await self._events.readline():
                self._deliver(parse(line))
        except (EngineError, ValueError) as nonsense:
            end = nonsense if isinstance(nonsense, EngineError) else ProtocolError("The engine sent too long a line.")
            self.kill()
        code = await self._process.wait()
        await asyncio.wait({self._log_reader}, timeout=LOG_SECONDS)
        self._end = end or _died(code, self._log_tail.decode("utf-8", "replace"))
        if not self._hello.done():
            self._hello.set_exception(self._end)
        for inbox in self._inboxes.values():
            inbox.put_nowait(self._end)

    def _deliver(self, event: Message) -> None:
        if self._heard:
            self._heard(event)
        if isinstance(event, Hello) and not self._hello.done():
            self._hello.set_result(event)
            return
        job = getattr(event, "id", None)
        for id, inbox in self._inboxes.items():
            if job in (id, None):
                inbox.put_nowait(event)

    async def _read_log(self) -> None:
        while chunk := await self._stderr.read(2**16):
            self._log_tail = (self._log_tail + chunk)[-LOG_TAIL_BYTES:]
            try:
                if self._log:
                    self._log.write(chunk)
                    self._log.flush()
            except OSError:
                self._log = None  # a full disk must not stop the pipe, or the engine would wait for us


def _died(code: int | None, log_tail: str) -> EngineDied:
    """What to tell a person of an engine that ended with ``code``, as subprocess counts codes."""
    hint = "Nothing that was finished is lost; run again, with --debug to see the engine's log."
    if code is None or code >= 0:
        how = "ended" if not code else f"ended with exit code {code}"
        return EngineDied(f"The engine {how} before its work was done.", hint, log_tail, code)
    name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
    if -code == signal.SIGKILL:
        hint = "Perhaps memory ran out: try a smaller batch or a shorter duration. Nothing that was finished is lost."
    return EngineDied(f"The engine was ended by {name}.", hint, log_tail, code)
