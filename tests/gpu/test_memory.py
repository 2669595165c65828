"""Memory on a CUDA device: every tier's maximum on a card that is held to its size, and what was told beforehand."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import Engine, Request
from engine.cards import SIMULATED
from engine.testing import make_checkpoint

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

REQUEST = Request(
    caption="slow synthwave", lyrics="[Verse]\nheadlights", duration=12.3, inference_steps=4, seeds=[7, 8]
)

_MAXIMUM = """
import gc, json, sys
import torch
from engine.allowance import allowance
from engine.cards import GB
from engine.events import Remark, TakeReady
from engine.outfit import outfit, residence_of
from engine.pipeline import Engine
from engine.preflight import CONTEXT_BYTES, Sizes, need
from engine.request import Request
from sessions.fitting import wish_of
root, gb = sys.argv[1], float(sys.argv[2])
allowed = allowance("cuda", gb, torch.cuda.get_device_capability())
fitted = outfit(root, None, None, allowed)
residence = residence_of(fitted, None, None, "cuda")
takes = fitted.bounds[1]
# The table's maximum is of each by itself: the longest take alone, or as many as there may be of a minute.
for seconds, count in ((fitted.bounds[0], 1), (60.0, takes)):
    engine = Engine.load(root, device="cuda")
    torch.cuda.reset_peak_memory_stats()
    # With all of its numbers given the planner writes none: what weights of chance would write has any length.
    asked = {"caption": "slow synthwave", "lyrics": "la", "inference_steps": 2, "seeds": list(range(count))}
    asked |= {"use_cot_metas": False, "use_cot_caption": False, "use_cot_language": False}
    request = Request(duration=seconds, **asked)
    said, made = [], 0
    for event in engine.stream(request):
        said += [event.text] if isinstance(event, Remark) else []
        made += isinstance(event, TakeReady)
    measured = torch.cuda.max_memory_allocated()
    wish = wish_of(request.to_dict(), engine.profile, planner=fitted.planner_on)
    assert (wish.takes, wish.seconds) == (count, seconds), wish
    sizes = Sizes.of(fitted.models, "cuda", allowed.dtype, fitted.quantization, allowed.tile)
    told = need(sizes, wish, residence).peak - CONTEXT_BYTES["cuda"]
    print(json.dumps({"seconds": seconds, "made": made, "takes": count, "measured": measured / GB, "told": told / GB,
                      "saving": engine.saving, "said": [each for each in said if "ran out" in each]}))
    del engine
    gc.collect()  # parts of it know each other
    torch.cuda.empty_cache()
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of the official sizes, of random weights: a 2B turbo model and a 0.6B planner."""
    return make_checkpoint(tmp_path_factory.mktemp("full"), size="full", dtype="bfloat16")


@pytest.mark.parametrize("gb", [4, 6, 8, 12, 16, 20, 24])
def test_every_tiers_maximum_renders_within_its_size_and_as_told(full: Path, gb: int) -> None:
    if torch.cuda.get_device_properties(0).total_memory < (gb - 0.5) * 2**30:
        pytest.skip(f"this card has less than {gb} GB")
    done = subprocess.run(
        [sys.executable, "-c", _MAXIMUM, str(full), str(gb)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, SIMULATED: str(gb), "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 2
    for each in found:
        assert each["made"] == each["takes"], each
        assert each["said"] == [], each
        assert each["told"] == pytest.approx(each["measured"], rel=0.1), each


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return float((one - other).abs().max()) <= 1e-5 * float(one.abs().max())


def test_layers_that_pass_and_models_in_turns_make_the_same_takes(tiny_base: Path) -> None:
    plain = Engine.load(tiny_base, lm="none", device="cuda", dtype="float32").render(REQUEST)
    for saving in ({"offload": True}, {"offload_dit": True}):
        engine = Engine.load(tiny_base, lm="none", device="cuda", dtype="float32", **saving)
        assert engine.saving["offload"]
        assert engine.saving["offload_dit"] == ("offload_dit" in saving)
        for _ in range(3):  # a place that was filled too early would show in one of them
            for one, other in zip(plain, engine.render(REQUEST), strict=True):
                assert _same(one.latents, other.latents)


def test_what_waits_is_pinned_and_what_passes_leaves_the_card_alone(full: Path) -> None:
    engine = Engine.load(full, lm="none", device="cuda", offload_dit=True)
    layers = engine._model.networks.decoder.layers
    assert all(each.device.type == "cpu" and each.is_pinned() for each in layers.parameters())
    torch.cuda.reset_peak_memory_stats()
    engine.render(REQUEST.replace(seeds=[7]))
    whole = sum(each.numel() * each.element_size() for each in layers.parameters())
    assert torch.cuda.max_memory_allocated() < whole + 2**30
    assert all(each.device.type == "cpu" for each in layers.parameters())


@pytest.mark.parametrize("method", ["int8_weight_only", "fp8_weight_only"])
def test_quantised_weights_are_near_and_smaller(full: Path, method: str) -> None:
    request = REQUEST.replace(seeds=[7])
    sizes, latents = [], []
    for quantization in ("none", method):
        before = torch.cuda.memory_allocated()
        engine = Engine.load(full, lm="none", device="cuda", quantization=quantization)
        sizes.append(torch.cuda.memory_allocated() - before)
        latents.append(engine.render(request)[0].latents)
        del engine
        gc.collect()
        torch.cuda.empty_cache()
    assert sizes[0] - sizes[1] > 1.8 * 2**30
    error = latents[0] - latents[1]
    assert float(error.square().mean().sqrt()) < 0.2 * float(latents[0].square().mean().sqrt())


def test_guidance_in_two_passes_is_the_same_but_for_rounding(tiny_base: Path) -> None:
    one = Engine.load(tiny_base, lm="none", device="cuda", dtype="float32").render(REQUEST)
    two = Engine.load(tiny_base, lm="none", device="cuda", dtype="float32", guidance_passes=2).render(REQUEST)
    for first, second in zip(one, two, strict=True):
        assert float((first.latents - second.latents).abs().max()) <= 1e-3 * float(first.latents.abs().max())
        assert second.identity["passes"] == 2
