"""What a task makes of its source: what the model hears of it, and what stays as it was (facts: dit.md 10, 16)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.events import Progress, Remark
from engine.model import Model
from engine.request import Request
from engine.sources.reading import Reader
from engine.sources.regions import TRAINED_REGION, Blend, Canvas, Seams, canvas_of, ramp, weights, whole_canvas
from engine.sources.source import Source, stretched
from engine.tasks import TASKS, rendered_seconds

REGIONAL = ("repaint", "lego")
"""Tasks that may work on a part of their source alone."""


@dataclass(frozen=True, eq=False)
class Work:
    """A source on its canvas, for one request."""

    task: str
    source: Source
    canvas: Canvas
    clean: Tensor
    """The source's latents ``[length, 64]`` float32 on the device, with silence before and behind it."""

    silence: Tensor
    """The same of silence alone."""

    blend: Blend | None
    """How a repaint holds on to its surroundings; other tasks leave nothing as it was."""

    @property
    def key(self) -> tuple[object, ...]:
        """What its context depends on."""
        return self.task, self.source.key, self.canvas, self.clean.shape[0]

    @property
    def covers(self) -> bool:
        """Whether the task is one of the covers."""
        return TASKS[self.task].covers

    def mask(self) -> Tensor:
        """1 where something is made and 0 where the source stays, ``[1, length, 1]``.

        What lies behind the end, because the model is never run with less, goes with the end.
        """
        canvas = self.canvas
        start, stop = canvas.region if self.task in REGIONAL else (0, canvas.frames)
        mask = self.clean.new_zeros(1, self.clean.shape[0], 1)
        mask[:, start : self.clean.shape[0] if stop == canvas.frames else stop] = 1
        return mask

    def heard(self, model: Model) -> Tensor:
        """The source as the model hears it, ``[1, length, 64]``: through the codec for a cover, with silence in the
        region of a repaint, not at all where it is morphed as text alone has it, else as it is.
        """
        if self.task == "text2music":
            return self.silence.unsqueeze(0)
        if self.task == "cover":
            return self._through_codec(model).unsqueeze(0)
        if self.task == "repaint":
            return torch.where(self.mask() > 0, self.silence, self.clean)
        return self.clean.unsqueeze(0)

    def _through_codec(self, model: Model) -> Tensor:
        frames, networks = self.canvas.frames, model.networks
        codes = networks.tokenizer(self.clean[:frames].unsqueeze(0).to(model.dtype), model.silence)
        coarse: Tensor = networks.detokenizer(networks.tokenizer.quantizer.decode(codes))[0, :frames].float()
        return torch.cat((coarse, self.silence[frames:]))

    def held(self, times: Sequence[float], noise: Tensor, *, turbo: bool) -> Callable[[Tensor, int], Tensor] | None:
        """What puts the surroundings of a region back after a step, noised with the same ``noise`` ``[B, T, 64]``.

        None where nothing is held. On turbo the last step is free.
        """
        steps = len(times) - 1
        holds = round(self.blend.held * steps) if self.blend is not None else 0
        holds = min(holds, steps - 1) if turbo else holds
        if holds < 1 or self.canvas.whole:
            return None
        inside, clean = self.mask() > 0, self.clean

        def hold(x: Tensor, step: int) -> Tensor:
            if step >= holds:
                return x
            t = times[step + 1]
            return torch.where(inside, x, t * noise + (1 - t) * clean)

        return hold

    def blended(self, latents: Tensor) -> Tensor:
        """Latents ``[T, 64]`` with the source's own where nothing was made, and a fade between."""
        if self.blend is None:
            return latents
        frames = self.canvas.frames
        new = torch.tensor(weights(frames, self.canvas.region, self.blend.frames), device=latents.device).unsqueeze(1)
        mixed = new * latents + (1 - new) * self.clean[:frames]
        return torch.where(new == 0, self.clean[:frames], torch.where(new == 1, latents, mixed))

    @property
    def seams(self) -> Seams | None:
        """Which samples are not the source's; None for a task that leaves nothing of it."""
        return Seams.of(self.canvas, self.blend.seconds) if self.blend is not None else None

    def spliced(self, made: Tensor, first: int, seams: Seams) -> Tensor:
        """The source ``[2, samples]`` with what was ``made`` from the sample ``first`` on in its place."""
        begins, ends = self.canvas.span
        audio = made.new_zeros(made.shape[0], self.canvas.samples)
        audio[:, begins:ends] = self.source.audio
        share = made.new_ones(seams.stop - seams.start)
        if seams.fade_in:
            share[: seams.fade_in] = made.new_tensor(ramp(seams.fade_in))
        if seams.fade_out:
            share[len(share) - seams.fade_out :] = made.new_tensor(ramp(seams.fade_out)[::-1])
        new = made[:, seams.start - first : seams.stop - first]
        old = audio[:, seams.start : seams.stop]
        audio[:, seams.start : seams.stop] = torch.where(share == 1, new, share * new + (1 - share) * old)
        return audio


Beginning = Generator[Progress | Remark, None, Work]


def begin(request: Request, model: Model, reader: Reader, shortest: int) -> Beginning:
    """Reads the source of a request and lays it out, with at least ``shortest`` frames. Raises InvalidRequest."""
    task = request.task_type
    source = yield from reader.source(request)
    grid = reader.grid
    canvas = whole_canvas(source.samples, grid)
    if task in REGIONAL:
        canvas = canvas_of(request, source.samples, grid, source.joint)
    rendered_seconds(request, source.samples / grid.rate)  # more than there may be is refused
    low, high = TRAINED_REGION
    if task in REGIONAL and not canvas.whole and not low <= canvas.region_seconds <= high:
        yield Remark(f"A region of {canvas.region_seconds:.3g} seconds is outside {low:g} to {high:g}, which go best.")
    length = max(canvas.frames, shortest)
    silence = stretched(model.silence[0].float(), length)
    clean = silence.clone()
    clean[canvas.lead : canvas.lead + source.latents.shape[0]] = source.latents.to(silence)
    return Work(task, source, canvas, clean, silence, Blend.of(request) if task == "repaint" else None)
