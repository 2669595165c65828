"""From noise to latents: some items of a batch on their way through the steps."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from torch import Tensor

from engine.contexts import Contexts, for_all
from engine.errors import EngineError
from engine.events import Progress
from engine.looking import looking
from engine.model import Model
from engine.models.dit import Memory
from engine.models.recorded import RecordedDiT
from engine.morphing import left_out, morphed
from engine.run import Run
from engine.sampling import noise as streams
from engine.sampling.solvers import solve


class Denoiser:
    """Samples with a model's decoder, in its contexts."""

    def __init__(self, model: Model, decoder: RecordedDiT, contexts: Contexts) -> None:
        self._model = model
        self._decoder = decoder
        self._contexts = contexts

    def sample(
        self, run: Run, items: Sequence[tuple[int, int]], noise: Tensor | None
    ) -> Generator[Progress, None, Tensor]:
        """From noise, the seeds' own or what is given, to latents ``[B, T, 64]`` float32."""
        x = self._initial(run, items, noise)
        index = items[0][0] if len(items) == 1 else None
        context, prompts = self.surroundings(run, items, 0)
        held = run.work.held(run.plan.times, x, turbo=run.plan.turbo) if run.work else None
        velocity = looking(run, self._decoder, self._model.dtype, lambda: (context, prompts))

        def fresh(step: int) -> Tensor:
            rows = [streams.normal(seed, 1 + step, run.length, x.shape[2]) for _, seed in items]
            return torch.stack(rows).to(x.device)

        if run.passes == 1:  # where memory is short a recording has no room either
            rows = len(items) * len(prompts)
            self._decoder.warm(run.length, rows, for_all(context, prompts), prompts, run.rotary)
        steps, total = solve(run.plan, x, velocity, fresh, held), run.plan.steps
        if run.before:
            steps = morphed(run, items, self._decoder, self._model.dtype, context)
            x, total = next(steps), total - left_out(run)
        for step, moved in enumerate(steps):
            x = moved
            if step + 1 == run.plan.turn:
                context, prompts = self.surroundings(run, items, step + 1)
            if x.device.type == "cuda":
                # Launches run far ahead of the work: a step is told of, timed and cancelled when it is done.
                torch.cuda.synchronize(x.device)
            yield Progress("sampling", step + 1, total, index)
        return x

    def surroundings(self, run: Run, items: Sequence[tuple[int, int]], step: int) -> tuple[Tensor, tuple[Memory, ...]]:
        """The context and the prompts of some items from a step on."""
        if run.plan.turn is not None and step >= run.plan.turn:
            return self._contexts.of((), run.length), run.later
        if run.work is not None:
            return self._contexts.of_work(run.work), run.memories
        return self._contexts.of_batch([run.codes[index] for index, _ in items], run.length), run.memories

    def _initial(self, run: Run, items: Sequence[tuple[int, int]], given: Tensor | None) -> Tensor:
        """The noise of some items ``[B, T, 64]``, float32 on the device; a retake turns it towards a second seed."""
        channels = self._model.config.audio_acoustic_hidden_dim
        rows = [streams.normal(seed, streams.INITIAL, run.length, channels) for _, seed in items]
        if given is not None:
            for row, (index, _) in zip(rows, items, strict=True):
                row[: given.shape[1]] = given[index]
        if run.request.retake_variance:
            others = [
                streams.normal(run.request.retake_seed[i], streams.INITIAL, run.length, channels) for i, _ in items
            ]
            rows = [
                streams.retake(row, other, run.request.retake_variance) for row, other in zip(rows, others, strict=True)
            ]
        x = torch.stack(rows).to(self._model.device)
        if not run.starts_in_source:
            return x
        t = run.plan.times[0]
        clean = [self._clean(run, index) for index, _ in items]
        return t * x + (1 - t) * torch.stack(clean)

    def _clean(self, run: Run, index: int) -> Tensor:
        """What an item follows, as latents ``[T, 64]`` float32."""
        if run.work is not None:
            return run.work.clean
        return self._contexts.latents(run.codes[index], run.length)[0].float()


def check_noise(noise: Tensor | None, takes: int, frames: int, channels: int) -> None:
    """Raises EngineError for given noise that does not cover the takes, or is longer or wider than they are."""
    if noise is None:
        return
    shape = tuple(noise.shape)
    if len(shape) != 3 or shape[0] < takes or shape[1] > frames or shape[2] != channels:
        raise EngineError(
            f"The noise has shape {list(shape)}, and these takes need [{takes}, {frames} or fewer, {channels}].",
            "Leave it out, and the seeds' own noise is used.",
        )
