"""The engine as a process: ``python -m engine.host`` reads commands and writes events, as engine.protocol defines them.

Three threads share the process. The reader takes commands off standard input, so that a cancel or a ping is seen while
a render runs. The main thread works on jobs, one after another. The writer (engine.writer) writes takes and answers
jobs while the next take, or the next job, is sampled. Signals only set a flag that the others look at.

Standard output belongs to the protocol: it is moved aside before anything else runs, and what libraries print goes to
standard error, which is the log.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import engine
from engine.errors import BadCheckpoint, Cancelled, EngineError, OutOfMemory
from engine.explaining import broken_card, explain
from engine.file_names import check_output
from engine.lines import Channel, claim_streams, read_lines
from engine.protocol import (
    PROTOCOL_VERSION,
    Cancel,
    ErrorEvent,
    Hello,
    Load,
    Loaded,
    Message,
    Notice,
    Ping,
    Pong,
    ProgressEvent,
    ProtocolError,
    Render,
    Shutdown,
    Write,
    Written,
    parse,
)
from engine.request import Request
from engine.writer import Job, Writer, Writing

if TYPE_CHECKING:
    from engine.pipeline import Engine

CAPABILITIES = ("render", "write")
"""The kinds of job beside ``load`` that this engine does."""

SLOWEST_STEP_SECONDS = 60.0
"""How long a job may take to notice that it has to stop before the process is ended under it."""

LAST_WRITE_SECONDS = 5.0
"""How long a take that is being written may take where the parent is dead; what is sampled then has no future."""

BROKEN = 70
"""What the process ends with where its card can compute no more for it. Takes that were made are written before."""

POLITENESS = 5
"""How much less of a busy processor than others the process claims, as ``nice`` counts it."""


class Host:
    """The state of the process: the loaded engine, the jobs that wait, and who asked for what to stop."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._cancelled: dict[str, threading.Event] = {}
        self._stopping = False  # not an Event: its lock could be held by the very code that a signal interrupts
        self._engine: Engine | None = None
        self._loaded: Load | None = None
        self._writer = Writer(self._answer, explain)
        self.ended_with = 0
        """What the process is to end with once there is no more work."""

    def stop(self) -> None:
        """Ends the running job at its next step, and then the process. Safe to call from a signal handler."""
        self._stopping = True
        self._jobs.put(None)

    @property
    def writing(self) -> bool:
        """Whether a take is being written, or waits for it."""
        return self._writer.busy

    def read(self, commands: BinaryIO) -> None:
        """Takes commands until the parent is gone or asks to stop. Lines that are not commands are answered so."""
        try:
            for line in read_lines(commands):
                if not self._take_in(line):
                    break
        finally:
            self.stop()

    def work(self) -> None:
        """Does jobs until told to stop; every job ends with its result or with an error, waiting ones included."""
        with self._writer:
            while job := self._jobs.get():
                writing = Writing(job)
                result: Loaded | Written | EngineError | None
                try:
                    result = self._do(job, writing)
                except Exception as error:
                    result = self._with_others(explain(error))
                    if failed := broken_card(error):
                        self._channel.send(Notice(failed, job.id))
                        self.ended_with = BROKEN
                        return  # unanswered: whoever has started this process starts another one, and asks that
                self._writer.end(writing, result)

    def _with_others(self, error: EngineError) -> EngineError:
        """Where memory ran out, with who else has some of the card."""
        device = self._loaded.device if self._loaded is not None else "auto"
        if not isinstance(error, OutOfMemory) or device in ("cpu", "mps"):
            return error
        from engine.memory import crowd

        return OutOfMemory(f"{error.error} {crowd(device, (os.getpid(),))}".rstrip(), error.hint)

    def _answer(self, message: Message, ended: str | None = None) -> None:
        """Sends what the writer has to say; ``ended`` is the job that ends with it."""
        if ended is not None:
            del self._cancelled[ended]  # before the answer: the parent may use the id again at once
        self._channel.send(message)

    def _take_in(self, line: bytes | ProtocolError) -> bool:
        """Understands one line, or answers that it could not; False when there will be no more."""
        try:
            if isinstance(line, ProtocolError):
                raise line
            return self._accept(parse(line))
        except ProtocolError as error:
            self._channel.send(ErrorEvent.of(error, error.id))
            return True

    def _accept(self, message: Message) -> bool:
        """Puts one command where it belongs; False when it says that there will be no more."""
        match message:
            case Load() | Render() | Write():
                self._enqueue(message)
            case Cancel():
                if wish := self._cancelled.get(message.id):
                    wish.set()
            case Ping():
                self._channel.send(Pong(message.id))
            case Shutdown():
                return False
            case _:
                raise ProtocolError(f"An engine takes no '{message.type}' message.", id=getattr(message, "id", None))
        return True

    def _enqueue(self, job: Job) -> None:
        if job.id in self._cancelled:
            raise ProtocolError(f"A job with the id '{job.id}' is still running.")
        self._cancelled[job.id] = threading.Event()
        self._jobs.put(job)

    def _do(self, job: Job, writing: Writing) -> Loaded | Written | None:
        self._check_cancel(job)
        if isinstance(job, Load):
            return self._load(job)
        if isinstance(job, Write):
            return self._write(job)
        self._render(job, writing)
        return None

    def _check_cancel(self, job: Job) -> None:
        if self._stopping or self._cancelled[job.id].is_set():
            raise Cancelled()

    def _progress(self, job: Job, stage: str, done: int, total: int, take: int | None = None) -> None:
        """Tells of one step; the place where a cancel takes effect."""
        self._check_cancel(job)
        self._channel.send(ProgressEvent(job.id, stage, done, total, take))

    def _load(self, job: Load) -> Loaded:
        started = time.monotonic()
        if self._loaded is None or dataclasses.replace(job, id=self._loaded.id) != self._loaded:
            self._progress(job, "load", 0, 1)
            self._engine = self._loaded = None  # frees the old model's memory before the new one needs it
            gc.collect()  # parts of it know each other
            self._engine = _load_engine(job, lambda *step: self._progress(job, *step))
            self._loaded = job
        model = self._ready_engine()
        seconds = time.monotonic() - started
        return Loaded(
            job.id,
            dataclasses.asdict(model.profile),
            dict(model.identity),
            seconds,
            planner=model.planning.name,
            offload=model.in_turns,
            saving=model.saving,
        )

    def _write(self, job: Write) -> Written:
        """One of the planner's jobs."""
        model = self._ready_engine()
        with contextlib.closing(model.ask(job.job, Request.from_dict(job.request), job.query, job.source)) as work:
            while True:
                try:
                    event = next(work)
                except StopIteration as end:
                    return Written(job.id, end.value.to_dict())
                self._progress(job, event.stage, event.done, event.total, event.take)

    def _render(self, job: Render, writing: Writing) -> None:
        """Renders; the takes are the writer's to write, and a failure of its ends the job here at the next step."""
        model = self._ready_engine()
        from engine.pipeline import Progress, Remark

        asked = Request.from_dict(job.request)
        request = asked.resolved(model.profile)
        check_output(job.output, request.seeds)
        for _, sentence in asked.warnings(model.profile):
            self._channel.send(Notice(sentence, job.id))
        with contextlib.closing(model.stream(request)) as events:
            for event in events:
                if writing.failure is not None:
                    raise writing.failure
                if isinstance(event, Progress):
                    self._progress(job, event.stage, event.done, event.total, event.take)
                elif isinstance(event, Remark):
                    self._channel.send(Notice(event.text, job.id))
                else:
                    self._writer.put(writing, job.output, event.take)

    def _ready_engine(self) -> Engine:
        if self._engine is None:
            raise BadCheckpoint("No model is loaded.", "Send a 'load' message first.")
        return self._engine


def _load_engine(job: Load, progress: Callable[..., None]) -> Engine:
    from engine.checkpoints import find_models

    models = find_models(job.models)  # before torch: where there is nothing to load, people learn it at once
    try:
        with _nothing_let_go():
            import torch

            from engine.pipeline import Engine
    except ModuleNotFoundError as missing:
        sentence = f"The engine is not installed here: there is no {missing.name}."
        raise BadCheckpoint(sentence, "Run `make studio`, or pip install 'acetui[engine]'.") from missing
    if job.threads:
        torch.set_num_threads(job.threads)
    return Engine.load(
        models,
        job.dit,
        job.lm,
        job.device,
        job.dtype,
        progress=progress,
        offload=job.offload,
        offload_dit=job.offload_dit,
        guidance_passes=job.guidance_passes,
        quantization=job.quantization,
        lm_draft=job.lm_draft,
    )


@contextlib.contextmanager
def _nothing_let_go() -> Iterator[None]:
    """Importing makes half a million objects that stay: nobody looks among them for what can be let go, then or later.

    What is set apart so stays for good: the first time alone, before there is a model.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _read_until_gone(host: Host, commands: BinaryIO, channel: Channel) -> None:
    """The reader thread. When there is nothing more to read, jobs end at their next step, and the process with them.

    Where the parent is dead nobody waits for that step, which may be a long one: a GPU is not held for it. A take that
    is being written is finished, because the session's next start makes a take of the file.
    """
    host.read(commands)
    until = time.monotonic() + SLOWEST_STEP_SECONDS
    orphaned = time.monotonic() + LAST_WRITE_SECONDS
    while time.monotonic() < until:
        if channel.is_deserted() and (not host.writing or time.monotonic() > orphaned):
            break
        time.sleep(0.05)
    os._exit(1)


def _give_way() -> None:
    """Rendering takes what the person at the keyboard leaves of the processor: keys are drawn first."""
    with contextlib.suppress(OSError):
        os.nice(POLITENESS)
    # Where Linux weighs process sessions against one another, this one is a session of its own.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as weight:
        weight.write(str(POLITENESS))


def main() -> int:
    """Runs the process until its parent is done with it, or its card is; what it is to end with."""
    _give_way()
    # numpy listens to takes beside the sampling, in products so small that its threads would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    commands, events = claim_streams()
    channel = Channel(events)
    channel.send(Hello(PROTOCOL_VERSION, "acetui", engine.__version__, os.getpid(), CAPABILITIES))
    host = Host(channel)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to understand
    signal.signal(signal.SIGTERM, lambda *_: host.stop())
    threading.Thread(target=_read_until_gone, args=[host, commands, channel], daemon=True).start()
    host.work()
    return host.ended_with


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking torch apart would last a second, and everything is on disk
