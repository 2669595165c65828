"""A source changed from one description to another, without going through noise (docs/controls.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.looking import looking
from engine.models.recorded import RecordedDiT
from engine.request import Request
from engine.run import Run
from engine.sampling import noise as streams
from engine.sampling.flow_edit import MOST_DRAWS, Span, edit


def described_before(request: Request) -> Request:
    """The request whose words are what the source sounds like now."""
    return request.replace(
        caption=request.flow_edit_source_caption,
        lyrics=request.flow_edit_source_lyrics,
        instrumental=False,
        cot_caption="",
        cot_lyrics="",
    )


def left_out(run: Run) -> int:
    """How many of the first steps are not done, so that the outline stays."""
    return _span(run.request).bounds(run.plan.steps)[0]


def _span(request: Request) -> Span:
    return Span(request.flow_edit_n_min, request.flow_edit_n_max, request.flow_edit_n_avg)


def morphed(
    run: Run, items: Sequence[tuple[int, int]], decoder: RecordedDiT, dtype: torch.dtype, context: Tensor
) -> Iterator[Tensor]:
    """Yields the latents ``[B, T, 64]`` of some items as they are, and after every step."""
    assert run.work is not None  # nothing is morphed without a source
    clean = run.work.clean.unsqueeze(0).repeat(len(items), 1, 1)
    retakes = run.request.retake_seed
    seeds = [retakes[index] if retakes else seed for index, seed in items]

    def noise(step: int, draw: int) -> Tensor:
        stream = streams.FLOW_EDIT + step * MOST_DRAWS + draw
        rows = [streams.normal(seed, stream, run.length, clean.shape[2]) for seed in seeds]
        return torch.stack(rows).to(clean.device)

    source = looking(run, decoder, dtype, lambda: (context, run.before))
    target = looking(run, decoder, dtype, lambda: (context, run.memories))
    yield clean
    yield from edit(run.plan, clean, source, target, noise, _span(run.request))
