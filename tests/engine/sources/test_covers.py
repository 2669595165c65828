"""Covers and the tasks of stems: what the model hears of its source, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine import Engine, InvalidRequest
from engine.sampling.noise import INITIAL, normal
from engine.sampling.schedule import schedule
from engine.take import Take
from tests.engine.sources.conftest import Parent

pytestmark = pytest.mark.usefixtures("one_thread")


def made(engine: Engine, parent: Parent, **fields: Any) -> Take:
    return engine.render(parent.asked(**{"inference_steps": 4, **fields}))[0]


@pytest.mark.parametrize("task", ["cover", "cover-nofsq"])
def test_a_cover_is_as_long_as_its_source_and_at_its_own_level(turbo: Engine, parent: Parent, task: str) -> None:
    take = made(turbo, parent, task_type=task)
    assert take.audio.shape == parent.take.audio.shape
    assert float(take.audio.abs().max()) == pytest.approx(10 ** (-1 / 20))
    assert take.request.duration == pytest.approx(6.02)


def test_a_cover_hears_its_source_through_the_codec(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    """So the codes of a source are the same cover as the source, where its frames are a multiple of five."""
    path, latents, model = tmp_path / "whole.safetensors", parent.take.latents[:150], turbo._model
    save_file({"latents": latents.contiguous()}, path, metadata={"gain": "1.0"})
    with torch.no_grad():
        codes = model.networks.tokenizer(latents.unsqueeze(0), model.silence)[0].tolist()
    heard = made(turbo, parent, task_type="cover", src_audio=str(path), src_latents=None)
    followed = made(turbo, parent, task_type="cover", src_audio=None, src_latents=None, audio_codes=codes)
    assert torch.equal(heard.latents, followed.latents)
    assert (heard.codes, followed.codes) == (None, codes)


def test_the_two_covers_and_no_source_at_all_differ(turbo: Engine, parent: Parent) -> None:
    kinds = [
        made(turbo, parent, task_type="cover").latents,
        made(turbo, parent, task_type="cover-nofsq").latents,
        made(turbo, parent, task_type="text2music", src_audio=None, src_latents=None, duration=6.02).latents,
    ]
    for i, one in enumerate(kinds):
        assert not any(torch.allclose(one, other, atol=1e-3) for other in kinds[:i])


def test_a_cover_that_never_follows_is_text_to_music(turbo: Engine, parent: Parent) -> None:
    free = made(turbo, parent, task_type="cover", audio_cover_strength=0.0)
    words = made(turbo, parent, task_type="text2music", src_audio=None, src_latents=None, duration=6.02)
    assert torch.equal(free.latents, words.latents)


def test_a_cover_leaves_its_source_in_time(turbo: Engine, parent: Parent) -> None:
    """The strength is a share of the steps: between all and nothing, and what rounds to the same step is the same."""
    found = {
        strength: made(turbo, parent, task_type="cover-nofsq", audio_cover_strength=strength).latents
        for strength in (0.0, 0.5, 0.74, 0.75, 1.0)
    }
    assert torch.equal(found[0.5], found[0.74])
    assert not torch.allclose(found[0.74], found[0.75], atol=1e-3)
    assert not torch.allclose(found[0.75], found[1.0], atol=1e-3)


def test_codes_are_followed_for_a_share_of_the_steps_too(turbo: Engine) -> None:
    from tests.engine.test_pipeline import ONE

    codes = (7, 77, 777, 1700, 7)
    all_of_it, half, none = (
        turbo.render(ONE.replace(audio_codes=codes, duration=None, audio_cover_strength=strength))[0].latents
        for strength in (1.0, 0.5, 0.0)
    )
    assert not torch.allclose(all_of_it, half, atol=1e-3)
    assert not torch.allclose(half, none, atol=1e-3)
    assert torch.equal(none, turbo.render(ONE)[0].latents[:25])


def test_a_cover_may_begin_in_the_sound_of_its_source(turbo: Engine, parent: Parent) -> None:
    """Noise and source are mixed at the time that is nearest, and the steps before it are left out."""
    steps: list[Tensor] = []
    handle = turbo._model.networks.decoder.patch_in.register_forward_hook(
        lambda _, inputs, out: steps.append(inputs[0].clone())
    )
    made(turbo, parent, task_type="cover-nofsq", cover_noise_strength=0.3, inference_steps=8, shift=1)
    handle.remove()
    times = [t for t in schedule(8, 1.0) if t <= 0.75]
    assert len(steps) == len(times) - 1
    noise = normal(2, INITIAL, 151, 64)
    torch.testing.assert_close(steps[0][0], 0.75 * noise + 0.25 * parent.take.latents)


def test_a_cover_that_keeps_almost_all_sounds_like_its_source(turbo: Engine, parent: Parent) -> None:
    far, near = (
        made(turbo, parent, task_type="cover-nofsq", cover_noise_strength=c, inference_steps=8).latents
        for c in (0.1, 1.0)
    )
    assert (near - parent.take.latents).norm() < (far - parent.take.latents).norm()


# --- stems -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "fields"),
    [("extract", {"track": "vocals"}), ("lego", {"track": "bass"}), ("complete", {"tracks": ["drums"]})],
)
def test_stems_are_as_long_as_their_source(base: Engine, parent: Parent, task: str, fields: dict[str, Any]) -> None:
    take = made(base, parent, task_type=task, **fields)
    assert take.audio.shape == parent.take.audio.shape
    other = made(base, parent, task_type=task, **dict.fromkeys(fields, "strings"))
    assert not torch.allclose(take.latents, other.latents, atol=1e-3)


def test_a_lego_region_is_a_mask_and_nothing_is_spliced(base: Engine, parent: Parent) -> None:
    whole = made(base, parent, task_type="lego", track="bass")
    part = made(base, parent, task_type="lego", track="bass", repainting_start=2, repainting_end=4)
    assert not torch.allclose(whole.latents, part.latents, atol=1e-3)
    assert not torch.equal(part.latents[:25], parent.take.latents[:25])


@pytest.mark.parametrize("task", ["extract", "lego", "complete"])
def test_stems_on_turbo_are_refused_with_models_that_can(turbo: Engine, parent: Parent, task: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        made(turbo, parent, task_type=task, track="bass", tracks=["bass"])
    assert refused.value.field == "task_type"
    assert "acestep-v15-base" in refused.value.hint


def test_codes_mean_nothing_to_a_task_that_works_on_the_source_itself(turbo: Engine, parent: Parent) -> None:
    fields = {"task_type": "repaint", "repainting_start": 2, "repainting_end": 4}
    plain, coded = made(turbo, parent, **fields), made(turbo, parent, **fields, audio_codes=[1] * 30)
    assert torch.equal(plain.audio, coded.audio)
    assert coded.codes is None
