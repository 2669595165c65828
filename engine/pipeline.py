"""A request through all of it, as a generator: progress is the events, cancelling is to stop iterating.

What can be computed once is: the prompt's keys and values survive from batch to batch, the times of all steps are
embedded together, the context's projection is shared by the steps. On CPU the items of a batch are denoised one after
another (the arithmetic is the same and nothing is won by sharing it), so an item of a batch equals the same seed alone
bit for bit; on a GPU they go together.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.adapters.reading import adapters_folder
from engine.adapters.wearing import Wardrobe
from engine.conditions import Conditions, Prompt
from engine.contexts import Contexts
from engine.contrast import Contrast
from engine.denoising import Denoiser, check_noise
from engine.errors import Cancelled, RenderFailed
from engine.events import Cancel, Progress, Remark, TakeReady
from engine.finishing import Finisher
from engine.keeping import Kept
from engine.model import Model
from engine.models.dit import Memory, Time
from engine.models.recorded import RecordedDiT
from engine.morphing import described_before
from engine.overhearing import Overhearing
from engine.planner.plan import Plan as SongPlan
from engine.planner.planning import PlannerFiles
from engine.profiles import Profile
from engine.readying import Saving, ready
from engine.request import Request
from engine.resolve import settled
from engine.run import Run
from engine.sampling.solvers import Plan
from engine.second_try import once_more
from engine.songwriting import Songwriter
from engine.sources.cover import covering
from engine.sources.cutting import cut
from engine.sources.reading import Reader
from engine.sources.timbre import Timbres
from engine.sources.work import begin
from engine.take import Take
from engine.tasks import TASKS, TEXT2MUSIC, check_rendered, rendered_seconds
from engine.trajectory import trajectory

__all__ = ["Engine", "Progress", "Remark", "Take", "TakeReady"]

SHORTEST_RUN = 128
"""Frames that are always sampled; shorter takes are cut from the front of such a run (facts: dit.md 10)."""


class Engine(Songwriter):
    """A loaded model that renders requests."""

    def __init__(self, model: Model, planner: PlannerFiles | None = None) -> None:
        super().__init__(model, planner)
        self._decoder = RecordedDiT(model.networks.decoder)
        self._wardrobe = Wardrobe(model, adapters_folder())
        self._finisher = Finisher(model, self.planning)
        self._overhearing = Overhearing(model, self.planning)
        self._reader = Reader(model)
        self._timbres = Timbres(model, self._reader)
        self._untold: list[str] = []
        self._forget()

    def _forget(self) -> None:
        """Begins anew with everything that was computed from the model's weights and kept."""
        self._decoder.clear()
        if (passing := self._model.networks.decoder.passing) is not None:
            passing.forget()
        self._times: Kept[tuple[float, ...], Time] = Kept()
        self._contexts = Contexts(self._model)
        self.conditions = Conditions(self._model)
        self._contrast = Contrast(self._model, self.conditions)
        self._denoiser = Denoiser(self._model, self._decoder, self._contexts)

    def _dress(self, request: Request) -> None:
        """Puts on the adapters of a request; where that fails the model has none."""
        before = self._wardrobe.identity
        try:
            self._wardrobe.wear(request.adapters)
        finally:
            if self._wardrobe.identity != before:
                self._forget()

    @classmethod
    def load(
        cls,
        path: str | Path,
        dit: str | None = None,
        lm: str | None = None,
        device: str = "auto",
        dtype: str | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        offload: bool | None = None,
        offload_dit: bool | None = None,
        quantization: str | None = None,
        guidance_passes: int | None = None,
        lm_draft: str | None = None,
    ) -> Engine:
        """Loads the set in ``path`` that the names pick, with the planner that the device has room for where none is.

        A planner is loaded once it is wanted. ``offload`` has text encoder, VAE and planner in memory only while they
        work, ``offload_dit`` the music model's layers on the card only while each of them works, and ``quantization``
        (``engine.quantisation``) the music model in one byte a number; None is as the device needs it. With 2
        ``guidance_passes`` what guidance pulls away from is computed after what is asked for, and not beside it.
        ``lm_draft`` names a smaller planner that writes codes ahead of the planner, which checks them.

        Raises BadCheckpoint for a set that is not whole.
        """
        saving = Saving(offload, offload_dit, quantization, guidance_passes)
        model, planner, news = ready(path, dit, lm, device, dtype, saving, progress or (lambda *_: None))
        if lm_draft is not None:
            planner = PlannerFiles.drafted(planner, path, lm_draft)
        engine = cls(model, planner)
        engine._untold = news
        return engine

    @property
    def profile(self) -> Profile:
        """What the model family starts from and how far it goes."""
        return self._model.profile

    @property
    def in_turns(self) -> bool:
        """Whether text encoder, VAE and planner are in memory only while they work."""
        return self._model.turns is not None

    @property
    def saving(self) -> dict[str, Any]:
        """What is done to save memory, by the names of what ``load`` is told."""
        layers = self._model.networks.decoder.passing is not None
        return {
            "offload": self.in_turns,
            "offload_dit": None if self._model.device.type in ("cpu", "mps") else layers,
            "quantization": self._model.identity.get("quantization"),
            "guidance_passes": self._model.passes,
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for the same request to give the same samples."""
        worn = self._wardrobe.identity
        return {**self._model.identity, **({"adapters": worn} if worn else {})}

    def render(
        self,
        request: Request,
        *,
        noise: Tensor | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        cancel: Cancel | None = None,
    ) -> list[Take]:
        """All takes of a request. ``noise`` ``[B, T, 64]`` replaces the seeds' own; ``cancel`` works within a step."""
        takes = []
        with contextlib.closing(self.stream(request, noise=noise)) as events:
            for event in events:
                if cancel is not None and cancel.is_set():
                    raise Cancelled()
                if isinstance(event, TakeReady):
                    takes.append(event.take)
                elif isinstance(event, Progress) and progress is not None:
                    progress(event.stage, event.done, event.total)
        return takes

    # no_grad and not inference_mode: what is made under inference mode runs through slow copies later.
    @torch.no_grad()
    def stream(
        self, request: Request, *, noise: Tensor | None = None
    ) -> Generator[Progress | Remark | TakeReady, None, None]:
        """The events of a request, in order; nothing is computed between two calls of ``next``."""
        request = request.resolved(self.profile)
        check_rendered(request)
        if TASKS[request.task_type].cuts:
            yield from cut(request, self._reader, self._model.identity)
            return
        self._dress(request)
        news, self._untold = self._untold, []
        for sentence in (*news, *self._wardrobe.remarks):
            yield Remark(sentence)
        plans: list[SongPlan] = []
        began = time.perf_counter()
        if self.planning.wanted(request):
            drafted = partial(self.planning.drafts, request)
            request, plans = yield from once_more("planning", drafted, self._decoder.clear)
        followed = [plan.codes for plan in plans] or [request.audio_codes] * len(request.seeds)
        recalled = self._overhearing.recalled(request, followed)
        planning = time.perf_counter() - began
        run = yield from self._prepare(request, noise, plans)
        if plans:
            run.timings["planner"] = planning
        seeds = list(enumerate(request.seeds))
        failed: list[RenderFailed] = []
        for start in range(0, len(seeds), run.lanes):
            items = seeds[start : start + run.lanes]
            began = time.perf_counter()
            sampled = partial(self._denoiser.sample, run, items, noise)
            latents = yield from once_more("sampling", sampled, self._decoder.clear)
            sampling = (time.perf_counter() - began) / len(items)
            for (index, seed), one in zip(items, latents, strict=True):
                try:
                    take = yield from self._finisher.finish(run, index, seed, one, sampling)
                    context, _ = self._denoiser.surroundings(run, [(index, seed)], 0)
                    take = self._overhearing.onto(take, run, one, context, recalled)
                except RenderFailed as failure:
                    failed.append(failure)  # the other takes of the batch are worth having
                    continue
                yield TakeReady(take, index)
        if failed:
            raise _summed_up(failed, len(seeds))

    def _prepare(
        self, request: Request, noise: Tensor | None, plans: Sequence[SongPlan]
    ) -> Generator[Progress | Remark, None, Run]:
        """Everything that does not depend on a seed."""
        began = time.perf_counter()
        yield Progress("conditions", 0, 1)
        task = TASKS[request.task_type]
        morphs = request.flow_edit_morph
        given = request.audio_codes if task.takes_codes and not morphs else ()
        codes = tuple(plan.codes for plan in plans) or (given,) * len(request.seeds)
        self._contexts.check(codes)
        coded = request.replace(audio_codes=max(codes, key=len))
        work = None
        if morphs or (task.needs_source and not coded.audio_codes):
            work = yield from begin(request, self._model, self._reader, SHORTEST_RUN)
        grid = self._reader.grid
        seconds = work.canvas.seconds if work else rendered_seconds(settled(coded)) or self.profile.duration
        request = request.replace(duration=seconds)
        samples = grid.samples(seconds)
        frames = grid.frames(samples)
        length = max(frames, SHORTEST_RUN)
        check_noise(noise, len(request.seeds), length, self._model.config.audio_acoustic_hidden_dim)
        plan = trajectory(request, self.profile)
        if (coded.audio_codes or task.covers) and not morphs:
            plan = covering(plan, request)
        clips = self._timbres.of(request)
        prompt = Prompt.of(coded, seconds, clips=clips)
        memories = self._memories(coded, prompt, plan)
        for sentence in self.conditions.remarks(prompt):
            yield Remark(sentence)
        before: list[Memory] = []
        if morphs:
            now = described_before(coded)
            before = self._memories(now, Prompt.of(now, seconds, clips=clips), plan)
        later = memories
        if plan.turn is not None:
            without = Prompt.of(coded, seconds, clips=clips, instruction=TEXT2MUSIC)
            later = [self.conditions.memory(without), *memories[1:]]
        passes = self._model.passes if len(memories) > 1 else 1
        run = Run(
            request=request,
            frames=frames,
            length=length,
            samples=samples,
            plan=plan,
            times=self._times.get(tuple(plan.times), lambda: self._embedded(plan.times)),
            memories=tuple(memories),
            before=tuple(before),
            later=tuple(later),
            rotary=self._contexts.rotary(length),
            lanes=1 if self._model.device.type == "cpu" else len(request.seeds),
            codes=codes,
            plans=tuple(plans),
            identity={**self.identity, **({"passes": 2} if passes > 1 else {})},
            passes=passes,
            work=work,
        )
        yield Progress("conditions", 1, 1)
        run.timings["conditions"] = time.perf_counter() - began
        return run

    def _memories(self, request: Request, prompt: Prompt, plan: Plan) -> list[Memory]:
        """A prompt, and what guidance pulls away from where there is any."""
        memories = [self.conditions.memory(prompt)]
        guidance = plan.steering.guidance
        if guidance is not None:
            memories += self._contrast.memories(request, prompt, split=guidance.split)
        return memories

    def _embedded(self, times: Sequence[float]) -> Time:
        """All times of a trajectory, embedded together."""
        return self._model.networks.decoder.time(torch.tensor(tuple(times), device=self._model.device))


def _summed_up(failed: list[RenderFailed], takes: int) -> RenderFailed:
    """One failure for a batch in which some takes came out and some did not."""
    if takes == 1:
        return failed[0]
    return RenderFailed(f"{len(failed)} of {takes} takes failed: {failed[0].error}", failed[0].hint)
