"""The planner where only a CUDA device can show it: `make test-gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import Engine, Request
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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_recorded_steps_write_what_plain_ones_do(tiny_turbo: Path, dtype: str) -> None:
    engine = Engine.load(tiny_turbo, device="cuda", dtype=dtype)
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
