"""The planner where only a CUDA device can show it: `make test-gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import Engine, Request
from engine.models.recorded_lm import RecordedLM
from engine.take import Take

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

REQUEST = Request(caption="slow synthwave", lyrics="[Verse]\nheadlights", duration=12, seeds=(7, 8), inference_steps=1)


def alike(ours: list[Take], theirs: list[Take]) -> bool:
    """Whether at least the beginnings are the same: where two codes are level to the last bit, the rest may differ."""
    return all(
        len(one.codes or ()) == 60 and (one.codes or [])[:10] == (other.codes or [])[:10]
        for one, other in zip(ours, theirs, strict=True)
    )


def test_codes_are_those_of_the_cpu(tiny_turbo: Path) -> None:
    here = Engine.load(tiny_turbo, device="cuda", dtype="float32").render(REQUEST)
    there = Engine.load(tiny_turbo, device="cpu", dtype="float32").render(REQUEST)
    assert alike(here, there)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 3e-2)])
def test_recorded_steps_are_the_plain_ones(tiny_turbo: Path, dtype: str, tolerance: float) -> None:
    """Not the codes: in halves one that is drawn otherwise, after a rounding, makes all that follow others."""
    network = Engine.load(tiny_turbo, device="cuda", dtype=dtype).planning.ready()._decoder.network
    steps = RecordedLM(network)
    with torch.no_grad():
        read = [network.lane(1, length) for length in (250, 3)]
        for lane in read:
            network.read(torch.arange(lane.room, device="cuda"), lane)
        lanes = steps.lanes(read, 2, 12)
        plain = [lane.copies(2, lane.length + 12) for lane in read]
        for step in range(12):  # over the end of a span
            tokens = torch.arange(4, device="cuda") + step
            ours, theirs = steps.step(tokens, lanes), network.step(tokens, plain)
            assert float((ours - theirs).abs().max()) <= tolerance * float(theirs.abs().max())
    assert steps._desk is not None
    assert len(steps._desk.graphs) == 2


def test_recorded_steps_write_what_plain_ones_do(tiny_turbo: Path) -> None:
    engine = Engine.load(tiny_turbo, device="cuda", dtype="float32")
    recorded = engine.render(REQUEST)
    steps = engine.planning.ready()._decoder._steps
    assert steps._desk is not None
    assert steps._desk.graphs
    steps.clear()
    steps._on = False
    assert alike(engine.render(REQUEST), recorded)


def test_a_draft_ahead_of_the_planner(tiny_turbo: Path) -> None:
    alone = Engine.load(tiny_turbo, device="cuda", dtype="float32").render(REQUEST)
    drafted = Engine.load(tiny_turbo, lm="0.6B", lm_draft="0.6B", device="cuda", dtype="float32")
    assert alike(drafted.render(REQUEST), alone)
