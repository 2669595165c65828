"""A source changed from one description to another (docs/controls.md)."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine import Engine, Request
from engine.pipeline import Progress
from engine.take import Take
from tests.engine.sources.conftest import Parent

MORPH = {"flow_edit_morph": True, "flow_edit_source_caption": "slow harp", "inference_steps": 4, "thinking": False}


def morphed(engine: Engine, parent: Parent, **fields: Any) -> list[Take]:
    return engine.render(parent.asked(**{**MORPH, "caption": "loud drums", **fields}))


@pytest.mark.parametrize("task", ["text2music", "cover-nofsq"])
def test_the_same_description_twice_leaves_the_source(base: Engine, parent: Parent, task: str) -> None:
    """Whatever the noise: the two velocities are the same, and nothing moves."""
    words = {"caption": "slow harp", "lyrics": "[Verse]\nrain"}
    (take,) = morphed(base, parent, **words, flow_edit_source_lyrics=words["lyrics"], task_type=task, flow_edit_n_avg=2)
    source = parent.take.latents
    torch.testing.assert_close(take.latents, source, rtol=0, atol=1e-4 * float(source.abs().max()))
    assert take.request.duration == parent.take.request.duration


def test_another_description_moves_it_and_can_be_had_again(base: Engine, parent: Parent) -> None:
    one, two = morphed(base, parent, seeds=(5, 6))
    source = parent.take.latents
    for take in (one, two):
        assert take.latents.shape == source.shape
        assert not torch.allclose(take.latents, source, atol=1e-2)
    assert not torch.equal(one.latents, two.latents)
    (again,) = base.render(two.request)
    assert torch.equal(again.audio, two.audio)
    (retaken,) = morphed(base, parent, seeds=(5,), retake_seed=(6,))
    assert torch.equal(retaken.latents, two.latents)  # the noise is of the retake seed where there is one


@pytest.mark.parametrize(
    "fields",
    [
        {"flow_edit_n_min": 0.5},
        {"flow_edit_n_max": 0.5},
        {"flow_edit_n_avg": 3},
        {"guidance_scale": 1.0},
        {"guidance_variant": "cfg", "use_erg_lyric": True},
        {"guidance_scale_text": 3.0, "guidance_scale_lyric": 2.0},
        {"flow_edit_source_lyrics": "[Verse]\nrain"},
    ],
    ids=lambda fields: " ".join(fields),
)
def test_its_controls_count(base: Engine, parent: Parent, fields: dict[str, Any]) -> None:
    (plain,), (steered,) = morphed(base, parent), morphed(base, parent, **fields)
    assert steered.latents.isfinite().all()
    assert not torch.equal(plain.latents, steered.latents)


@pytest.mark.parametrize("fields", [{"sampler_mode": "heun"}, {"infer_method": "sde"}, {"dcw_enabled": True}])
def test_an_edit_goes_by_plain_steps(base: Engine, parent: Parent, fields: dict[str, Any]) -> None:
    (plain,), (asked,) = morphed(base, parent), morphed(base, parent, **fields)
    assert torch.equal(plain.latents, asked.latents)


def test_steps_before_its_span_are_not_done(base: Engine, parent: Parent) -> None:
    def steps(request: Request) -> list[tuple[int, int]]:
        events = [event for event in base.stream(request) if isinstance(event, Progress)]
        return [(event.done, event.total) for event in events if event.stage == "sampling"]

    asked = parent.asked(**MORPH, flow_edit_n_min=0.5)
    assert steps(asked) == [(1, 2), (2, 2)]
    (untouched,) = morphed(base, parent, flow_edit_n_min=1.0)
    source = parent.take.latents
    torch.testing.assert_close(untouched.latents, source, rtol=0, atol=1e-4 * float(source.abs().max()))
