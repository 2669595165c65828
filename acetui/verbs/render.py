"""``acetui render``: one request through an engine process to audio files, with nothing left behind but those."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from acetui.verbs.destination import destination
from acetui.verbs.flags import recipe_from_flags
from acetui.verbs.memory_check import check_memory
from acetui.verbs.own_audio import check_files
from acetui.verbs.parsing import MODEL_FLAGS, UsageError
from acetui.verbs.recipe_file import read_recipe
from acetui.verbs.report import HumanReport, JsonReport, Report, sketch_notice
from engine import Cancelled, Request
from engine.checkpoints import NO_LM, find_models, open_set
from engine.fields import plain
from engine.files import sweep
from engine.process import EngineDied, EngineProcess
from engine.profiles import profile_for
from engine.protocol import Done, Notice, Output, ProgressEvent, TakeEvent, cancelled
from engine.request import FIELDS
from engine.seeds import RANDOM, draw_seed, fill_seeds
from engine.tasks import check_rendered, check_task
from sessions.presets import apply_preset, preset_notes
from sessions.settings import Recipe


@dataclass(frozen=True)
class Render:
    """One job of the engine: a request with every seed in it, and where its files go."""

    request: dict[str, Any]
    output: Output
    cell: str = ""
    """Which combination of a grid it is, in words."""


@dataclass(frozen=True)
class Job:
    """Everything that the engine needs to know, checked before it is started."""

    model: dict[str, Any]
    renders: tuple[Render, ...]


def run(args: argparse.Namespace) -> int:
    """The verb: 0 once every take is on disk; raises EngineError otherwise."""
    job = prepare(args)
    if not args.recipe and not recipe_from_flags(args):
        hint = "Such as: acetui render --caption 'slow jazz, warm piano', or name a recipe; --help has the rest."
        raise UsageError("It is not said what to render.", hint)
    for render in job.renders:
        request = Request.from_dict(render.request)
        check_rendered(request)
        check_task(request)
        check_files(render.request)
    report: Report = JsonReport() if args.json else HumanReport()
    try:
        check_memory(job.model, [render.request for render in job.renders], report)
        asyncio.run(_render(job, report, debug=args.debug))
    finally:
        report.close()
    return 0


def prepare(args: argparse.Namespace) -> Job:
    """The job that the arguments and the recipe file describe; raises InvalidRequest for what cannot be rendered.

    Choices in texts are made here. Every combination of a grid is rendered once, all with the same choices and seeds.
    """
    fields = read_recipe(args.recipe) if args.recipe else {}
    flags = recipe_from_flags(args)
    if "seeds" in flags:
        fields.pop("seed", None)
    recipe = Recipe.from_dict(fields)
    if args.preset:
        recipe = _preset(args, recipe)
    recipe = recipe.replace(**flags)
    choices = random.getrandbits(64)
    renders: list[Render] = []
    seeds: tuple[int, ...] = ()
    for cell, number in recipe.grid.cells():
        request = with_seeds(recipe.draw(random.Random(choices), number), seeds)
        seeds = seeds or request.seeds
        words = ", ".join(f"{name} {plain(value)}" for name, value in cell.items())
        renders.append(_render_of(args, request, words, f"-{number + 1}" if cell else ""))
    model = {name: getattr(args, name) for name in MODEL_FLAGS}
    return Job(model, tuple(renders))


def _preset(args: argparse.Namespace, recipe: Recipe) -> Recipe:
    """The recipe rendered as the preset says for the model that is asked for; what it cannot do is told."""
    dit = open_set(find_models(args.models), args.dit, NO_LM).dit
    profile = profile_for(dit.name, dit.config)
    changed = apply_preset(recipe, args.preset, profile)
    for note in preset_notes(args.preset, profile):
        print(note, file=sys.stderr)
    return changed


def _render_of(args: argparse.Namespace, request: Request, cell: str, mark: str) -> Render:
    output = destination(
        args.output,
        args.format,
        request.caption,
        request.seeds,
        mark=mark,
        fallback_format=request.audio_format,
        overwrite=args.overwrite,
        keep_latents=args.keep_latents,
    )
    published = output.format if output.format in FIELDS["audio_format"].choices else "wav"
    return Render(request.replace(audio_format=published).to_dict(), output, cell)


def with_seeds(request: Request, others: Sequence[int] = ()) -> Request:
    """The request with a seed for every take: file names are made of them, and are looked at before rendering.

    What it leaves open is taken from ``others``, so that the cells of a grid can be compared.
    """
    count = request.batch_size or len(request.seeds) or 1
    wanted = () if request.use_random_seed else request.seeds or (request.seed,)
    asked = [*wanted[:count], *[RANDOM] * (count - len(wanted))]
    seeds = fill_seeds([others[i] if s == RANDOM and i < len(others) else s for i, s in enumerate(asked)], count)
    chance = request.plan_seed is None and RANDOM in asked  # what a batch shares is left to chance with its seeds
    plan_seed = draw_seed() if chance else request.plan_seed
    return request.replace(batch_size=count, seed=seeds[0], seeds=seeds, use_random_seed=False, plan_seed=plan_seed)


async def _render(job: Job, report: Report, *, debug: bool) -> None:
    takes = 0
    stop = Stop(report)
    output = job.renders[0].output
    with stop.on_signals():
        try:
            async with EngineProcess.start(log=sys.stderr.buffer if debug else None) as engine:
                stop.engine = engine
                loaded = await engine.load(**job.model, progress=lambda event: _show(event, report))
                if sketch := sketch_notice(loaded.profile):
                    report.notice(sketch)
                stop.gently = True
                summary: Counter[str] = Counter()
                for render in job.renders:
                    output = render.output
                    if render.cell:
                        report.notice(f"{render.cell}:")
                    async with contextlib.aclosing(engine.render(render.request, output)) as events:
                        async for event in events:
                            takes += isinstance(event, TakeEvent)
                            if isinstance(event, Done):
                                summary.update(event.summary)
                            else:
                                _show(event, report)
                report.done(dict(summary))
        except (EngineDied, asyncio.CancelledError, Cancelled):
            if stop.engine is not None:
                sweep(output.folder, stop.engine.pid)
            if stop.asked:
                raise cancelled(takes) from None
            raise


def _show(event: ProgressEvent | TakeEvent | Notice, report: Report) -> None:
    match event:
        case ProgressEvent():
            report.progress(event.stage, event.done, event.total, event.take)
        case TakeEvent():
            report.take(event.take)
        case Notice():
            report.notice(event.text)


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
