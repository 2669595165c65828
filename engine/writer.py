"""The writer thread of the engine process: takes are encoded and written while the next ones are sampled.

What is told to the parent goes through here in one line, so that nothing is told out of turn: a take after its files
are whole and in place, the end of a job after its last take.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from engine.errors import Cancelled, EngineError
from engine.protocol import (
    Done,
    ErrorEvent,
    Load,
    Loaded,
    Message,
    Output,
    ProgressEvent,
    Render,
    TakeEvent,
    Write,
    Written,
    cancelled,
)

if TYPE_CHECKING:
    from engine.take import Take

Job = Load | Render | Write

WAITING = 2
"""Takes that may wait to be written. Whoever renders faster than the disk writes has to wait: memory is finite."""


class Send(Protocol):
    """How the writer speaks to the parent."""

    def __call__(self, message: Message, ended: str | None = None) -> None:
        """Sends ``message``; ``ended`` is the id of the job that ends with it."""


@dataclass
class Writing:
    """What has become of one job's takes so far. Written by the writer, read by whoever renders."""

    job: Job
    started: float = field(default_factory=time.monotonic)
    takes: int = 0
    failure: EngineError | None = None
    """Why a take could not be written; nothing of the job is written after it."""


class Writer:
    """Writes in a thread of its own between ``with`` and the end of the block, which waits until all is written.

    ``explain`` makes any exception one for people.
    """

    def __init__(self, send: Send, explain: Callable[[Exception], EngineError]) -> None:
        self._send = send
        self._explain = explain
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, daemon=True, name="writer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()

    @property
    def busy(self) -> bool:
        """Whether something is being written, or waits for it."""
        return self._queue.unfinished_tasks > 0

    def put(self, writing: Writing, output: Output, take: Take) -> None:
        """Hands a take over to be written and told of; returns at once, unless ``WAITING`` others wait already."""
        self._queue.put(lambda: self._write(writing, output, take))

    def end(self, writing: Writing, result: Loaded | Written | EngineError | None) -> None:
        """Answers the job once its takes are written. None is a render that came to its end."""
        self._queue.put(lambda: self._send(_answer(writing, result), ended=writing.job.id))

    def _run(self) -> None:
        try:
            while (step := self._queue.get()) is not None:
                step()
                self._queue.task_done()
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # a job that can no longer be answered would be waited for in vain

    def _write(self, writing: Writing, output: Output, take: Take) -> None:
        if writing.failure is not None:
            return
        job, index = writing.job.id, take.layout["index"]
        try:
            from engine.take_files import write_take

            self._send(ProgressEvent(job, "write", 0, 1, index))
            began = time.monotonic()
            written = write_take(take, output)
            written["timings"]["write"] = time.monotonic() - began
            self._send(ProgressEvent(job, "write", 1, 1, index))
            self._send(TakeEvent(job, written))
            writing.takes += 1
        except Exception as error:
            writing.failure = self._explain(error)


def _answer(writing: Writing, result: Loaded | Written | EngineError | None) -> Message:
    """What ends the job: a failure to write before everything else, because it is why the rest did not happen."""
    job = writing.job.id
    failure = writing.failure or (result if isinstance(result, EngineError) else None)
    if isinstance(result, Loaded | Written):
        return result
    if failure is None:
        return Done(job, {"takes": writing.takes, "seconds": time.monotonic() - writing.started})
    if isinstance(failure, Cancelled):
        failure = cancelled(writing.takes)
    return ErrorEvent.of(failure, job)
