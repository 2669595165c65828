"""``acetui render``: one request through an engine process to audio files, with nothing left behind but those."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acetui.destination import destination
from acetui.flags import recipe_from_flags
from acetui.recipe_file import read_recipe
from acetui.report import HumanReport, JsonReport, Report
from engine import Cancelled, Request
from engine.files import sweep
from engine.process import EngineDied, EngineProcess
from engine.protocol import Done, Notice, Output, ProgressEvent, TakeEvent, cancelled
from engine.request import FIELDS
from engine.seeds import fill_seeds
from engine.tasks import check_rendered

SKETCH = (
    "sketch model: acetui-nano, the small one that comes with acetui. It makes short instrumental sketches; "
    "`--models DIR` names a folder with ACE-Step models."
)


@dataclass(frozen=True)
class Job:
    """Everything that the engine needs to know, checked before it is started."""

    model: dict[str, Any]
    request: dict[str, Any]
    output: Output


def run(args: argparse.Namespace) -> int:
    """The verb: 0 once every take is on disk; raises EngineError otherwise."""
    job = prepare(args)
    check_rendered(Request.from_dict(job.request))
    report: Report = JsonReport() if args.json else HumanReport()
    try:
        asyncio.run(_render(job, report, debug=args.debug))
    finally:
        report.close()
    return 0


def prepare(args: argparse.Namespace) -> Job:
    """The job that the arguments and the recipe file describe; raises InvalidRequest for what cannot be rendered."""
    recipe = read_recipe(args.recipe) if args.recipe else {}
    flags = recipe_from_flags(args)
    if "seeds" in flags:
        recipe.pop("seed", None)
    request = with_seeds(Request.from_dict({**recipe, **flags}))
    output = destination(
        args.output,
        args.format,
        request.caption,
        request.seeds,
        fallback_format=request.audio_format,
        overwrite=args.overwrite,
        keep_latents=args.keep_latents,
    )
    published = output.format if output.format in FIELDS["audio_format"].choices else "wav"
    model = {name: getattr(args, name) for name in ("models", "dit", "lm", "device", "dtype", "threads")}
    return Job(model, request.replace(audio_format=published).to_dict(), output)


def with_seeds(request: Request) -> Request:
    """The request with a seed for every take: file names are made of them, and are looked at before rendering."""
    count = request.batch_size or len(request.seeds) or 1
    wanted = () if request.use_random_seed else request.seeds or (request.seed,)
    seeds = fill_seeds(wanted, count)
    return request.replace(batch_size=count, seed=seeds[0], seeds=seeds, use_random_seed=False)


async def _render(job: Job, report: Report, *, debug: bool) -> None:
    takes = 0
    stop = Stop(report)
    with stop.on_signals():
        try:
            async with EngineProcess.start(log=sys.stderr.buffer if debug else None) as engine:
                stop.engine = engine
                loaded = await engine.load(**job.model, progress=lambda event: _show(event, report))
                if loaded.profile.get("sketch"):
                    report.notice(SKETCH)
                stop.gently = True
                async with contextlib.aclosing(engine.render(job.request, job.output)) as events:
                    async for event in events:
                        takes += isinstance(event, TakeEvent)
                        _show(event, report)
        except (EngineDied, asyncio.CancelledError, Cancelled):
            if stop.engine is not None:
                sweep(job.output.folder, stop.engine.pid)
            if stop.asked:
                raise cancelled(takes) from None
            raise


def _show(event: ProgressEvent | TakeEvent | Notice | Done, report: Report) -> None:
    match event:
        case ProgressEvent():
            report.progress(event.stage, event.done, event.total, event.take)
        case TakeEvent():
            report.take(event.take)
        case Notice():
            report.notice(event.text)
        case Done():
            report.done(event.summary)


class Stop:
    """What Ctrl-C and SIGTERM do: first the engine is asked to stop at its next step, then it is ended.

    Before it renders there is nothing to lose, and so it is ended at once.
    """

    def __init__(self, report: Report) -> None:
        self.asked = False
        self.gently = False
        self.engine: EngineProcess | None = None
        self._report = report
        self._task = asyncio.current_task()
        self._wish: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handles both signals inside the block."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def __call__(self) -> None:
        """One signal."""
        first, self.asked = not self.asked, True
        if self.engine is None:
            if self._task:
                self._task.cancel()
        elif first and self.gently:
            self._report.notice("Stopping after this step; the same again stops at once.")
            self._wish = asyncio.create_task(self.engine.cancel())
            self._wish.add_done_callback(lambda wish: wish.cancelled() or wish.exception())  # it may die first
        else:
            self.engine.kill()
