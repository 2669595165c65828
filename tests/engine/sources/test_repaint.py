"""Repaint: what is outside the region stays as it is stored, what is inside is new, and nothing else is computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import Engine, InvalidRequest, Request
from engine.pipeline import Progress, Remark, TakeReady
from engine.protocol import Output
from engine.sources.regions import weights
from engine.tags import RECIPE, read_tags
from engine.take_files import write_take
from tests.engine.sources.conftest import Parent, written
from tests.engine.sources.sounds import RATE, music, sound_file, stored

pytestmark = pytest.mark.usefixtures("one_thread")

MODES = ("conservative", "balanced", "aggressive")


def heard(engine: Engine, request: Request) -> np.ndarray:
    return engine.render(request)[0].audio.numpy()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("start", "end"), [(2, 4), (0, 3.3), (2.013, -1), (1.001, 4.999), (3, 3.01)])
def test_outside_the_region_every_sample_is_the_stored_one(
    turbo: Engine, parent: Parent, mode: str, start: float, end: float
) -> None:
    before = parent.samples
    after = heard(
        turbo, parent.asked(task_type="repaint", repainting_start=start, repainting_end=end, repaint_mode=mode)
    )
    first, last = round(start * RATE), before.shape[1] if end < 0 else round(end * RATE)
    assert after.shape == before.shape
    assert np.array_equal(after[:, :first], before[:, :first])
    assert np.array_equal(after[:, last:], before[:, last:])
    assert not np.allclose(after[:, first:last], before[:, first:last], atol=1e-3)


def test_the_stored_file_is_the_source_outside_the_region(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    """Through 24 bit FLAC and back; the gain and the latents outside are the parent's too."""
    take = turbo.render(parent.asked(task_type="repaint", repainting_start=2, repainting_end=4))[0]
    child = written(take, tmp_path, "child")
    assert np.array_equal(child.samples[:, : 2 * RATE], parent.samples[:, : 2 * RATE])
    assert take.gain == parent.take.gain
    assert torch.equal(take.latents[:38], parent.take.latents[:38])
    assert torch.equal(take.latents[112:], parent.take.latents[112:])


def test_a_seam_is_no_click(turbo: Engine, parent: Parent) -> None:
    """No step from sample to sample at a seam that is larger than those of the music beside it."""
    for mode in MODES:
        after = heard(turbo, parent.asked(task_type="repaint", repainting_start=2, repainting_end=4, repaint_mode=mode))
        steps = np.abs(np.diff(after.astype(np.float64), axis=1)).max(axis=0)
        for seam in (2 * RATE, 4 * RATE):
            assert steps[seam - 3 : seam + 3].max() <= steps[seam - 9600 : seam + 9600].max()
            assert steps[seam - 1] < 1.5 * np.quantile(steps[seam - 9600 : seam + 9600], 0.999)


def test_only_the_region_is_decoded_and_nothing_encoded(turbo: Engine, parent: Parent) -> None:
    encoded = turbo._reader.encoded
    request = parent.asked(task_type="repaint", repainting_start=2, repainting_end=4)
    events = [event for event in turbo.stream(request) if isinstance(event, Progress) and event.stage == "decode"]
    assert events[-1].total == 50
    assert turbo._reader.encoded == encoded


def test_a_file_is_encoded_once_for_many_batches(turbo: Engine, tmp_path: Path) -> None:
    path = sound_file(tmp_path / "song.flac", music(3))
    encoded = turbo._reader.encoded
    request = Request(caption="y", task_type="repaint", src_audio=str(path), repainting_end=1, inference_steps=1)
    for seed in (1, 2):
        turbo.render(request.replace(seeds=(seed,)))
    assert turbo._reader.encoded == encoded + 1
    sound_file(path, music(3.5))
    assert turbo.render(request)[0].audio.shape[1] == 3.5 * RATE
    assert turbo._reader.encoded == encoded + 2


def test_a_file_at_another_rate_is_the_source_as_it_is_read(turbo: Engine, tmp_path: Path) -> None:
    from engine import audio

    path = sound_file(tmp_path / "song.wav", music(3, rate=44_100, channels=1), rate=44_100)
    after = heard(
        turbo,
        Request(
            caption="y",
            task_type="repaint",
            src_audio=str(path),
            repainting_start=1,
            repainting_end=2,
            inference_steps=1,
        ),
    )
    before = audio.read(path)
    assert np.array_equal(after[:, :RATE], before[:, :RATE])
    assert np.array_equal(after[:, 2 * RATE :], before[:, 2 * RATE :])


def test_latents_alone_are_a_source(turbo: Engine, parent: Parent) -> None:
    """Of a take whose audio is gone: decoded again, and rounded as it was stored."""
    request = parent.asked(task_type="repaint", repainting_start=2, repainting_end=4)
    whole = heard(turbo, request)
    alone = heard(turbo, request.replace(src_audio=parent.latents, src_latents=None))
    assert np.abs(alone[:, : whole.shape[1]] - whole).max() < 2**-22


def test_latents_that_do_not_fit_are_not_used(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    path = sound_file(tmp_path / "other.flac", music(3))
    request = parent.asked(task_type="repaint", src_audio=str(path), repainting_start=1, repainting_end=2)
    remarks = [event.text for event in turbo.stream(request) if isinstance(event, Remark)]
    assert any("does not fit" in remark for remark in remarks)


def test_latents_that_tell_no_gain_are_measured(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    path = tmp_path / "old.safetensors"
    save_file(load_file(parent.latents), path)
    request = parent.asked(task_type="repaint", repainting_start=2, repainting_end=4, src_latents=str(path))
    assert turbo.render(request)[0].gain == pytest.approx(parent.take.gain, rel=1e-5)


def test_modes_hold_the_surroundings_more_or_less(turbo: Engine, parent: Parent) -> None:
    """Conservative keeps more of what is around than aggressive does: in the fades outside, and so in the region."""
    latents = {
        mode: turbo.render(
            parent.asked(
                task_type="repaint", repainting_start=2, repainting_end=4, repaint_mode=mode, inference_steps=8
            )
        )[0].latents
        for mode in MODES
    }
    moved = {mode: (found - parent.take.latents)[25:125].norm().item() for mode, found in latents.items()}
    assert len({round(value, 4) for value in moved.values()}) == 3
    assert torch.equal(latents["aggressive"][:50], parent.take.latents[:50])
    assert not torch.equal(latents["conservative"][25:50], parent.take.latents[25:50])


def test_the_fade_of_the_latents_is_a_straight_line(turbo: Engine, parent: Parent) -> None:
    """Without holding, the fade mixes what was made with the source by the weights, and by nothing else."""
    fields = {"task_type": "repaint", "repainting_start": 2, "repainting_end": 4, "repaint_strength": 1.0}
    hard = turbo.render(parent.asked(**fields, repaint_latent_crossfade_frames=0))[0].latents
    soft = turbo.render(parent.asked(**fields, repaint_latent_crossfade_frames=10))[0].latents
    share = torch.tensor(weights(len(soft), (50, 100), 10)).unsqueeze(1)
    assert torch.equal(soft[50:100], hard[50:100])
    assert torch.equal(soft[share[:, 0] == 0], parent.take.latents[share[:, 0] == 0])
    assert not torch.equal(soft[40:50], hard[40:50])


@pytest.mark.parametrize(("end", "words"), [(2.5, "0.48 seconds"), (5.5, None)])
def test_regions_outside_the_trained_range_are_told(
    turbo: Engine, parent: Parent, end: float, words: str | None
) -> None:
    request = parent.asked(task_type="repaint", repainting_start=2, repainting_end=end, inference_steps=1)
    remarks = [event.text for event in turbo.stream(request) if isinstance(event, Remark)]
    assert any(words in remark for remark in remarks) if words else not remarks


def test_an_item_of_a_batch_is_its_seed_alone(base: Engine, parent: Parent) -> None:
    fields: dict[str, Any] = {"task_type": "repaint", "repainting_start": 2, "repainting_end": 4, "infer_method": "sde"}
    together = base.render(parent.asked(**fields, seeds=(3, 4)))
    for place, seed in enumerate((3, 4)):
        alone = base.render(parent.asked(**fields, seeds=(seed,)))[0]
        assert torch.equal(alone.latents, together[place].latents)
        assert torch.equal(alone.audio, together[place].audio)


def test_a_takes_request_makes_it_again(turbo: Engine, parent: Parent) -> None:
    take = turbo.render(parent.asked(task_type="repaint", repainting_start=2, repainting_end=4, seeds=(-1,)))[0]
    again = turbo.render(Request.from_dict(take.request.to_dict()))[0]
    assert torch.equal(again.audio, take.audio)


# --- longer, before and behind ---------------------------------------------------------------------------------------


def test_a_take_grows_at_its_end(turbo: Engine, parent: Parent) -> None:
    """From exactly where it ends: only the last moment of it fades over."""
    before = parent.samples
    length = before.shape[1]
    events = list(turbo.stream(parent.asked(task_type="repaint", repainting_start=6.02, repainting_end=9)))
    take = events[-1]
    assert isinstance(take, TakeReady)
    after = take.take.audio.numpy()
    assert after.shape[1] == 9 * RATE
    fade = round(0.025 * RATE)
    assert np.array_equal(after[:, : length - fade], before[:, : length - fade])
    assert not np.allclose(after[:, length:], 0, atol=1e-4)
    steps = np.abs(np.diff(after, axis=1)).max(axis=0)
    assert steps[length - fade - 2 : length + 2].max() <= steps[length - 9600 : length + 9600].max()


def test_a_take_grows_in_front(turbo: Engine, parent: Parent) -> None:
    """By whole frames, so that its latents stay those that they are."""
    take = turbo.render(parent.asked(task_type="repaint", repainting_start=-2.5))[0]
    before, after = parent.samples, take.audio.numpy()
    lead, fade = 63 * 1920, round(0.025 * RATE)
    assert after.shape[1] == before.shape[1] + lead
    assert np.array_equal(after[:, lead + fade :], before[:, fade:])
    assert torch.equal(take.latents[63 + 12 :], parent.take.latents[12:])


def test_growing_again_and_again_does_not_drift(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    """Each generation starts from the latents of the one before: the first take stays what it was, to the sample."""
    first, latest, encoded = parent.samples, parent, turbo._reader.encoded
    for generation in range(1, 4):
        length = latest.samples.shape[1] / RATE
        request = latest.asked(task_type="repaint", repainting_start=length, repainting_end=length + 2)
        latest = written(turbo.render(request)[0], tmp_path, f"longer-{generation}")
    keep = first.shape[1] - round(0.025 * RATE)
    assert np.array_equal(latest.samples[:, :keep], first[:, :keep])
    assert torch.equal(latest.take.latents[:138], parent.take.latents[:138])
    assert latest.take.gain == parent.take.gain
    assert (latest.samples.shape[1], turbo._reader.encoded) == (round(12.02 * RATE), encoded)


def test_two_takes_become_one(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    """Around the joint something is made; away from it both are what they were, at one level."""
    other = written(turbo.render(Request(caption="z", duration=5, seeds=(9,), inference_steps=2))[0], tmp_path, "other")
    request = parent.asked(task_type="repaint", next_audio=other.audio, next_latents=other.latents, next_gap=1)
    take = turbo.render(request)[0]
    gain = min(parent.take.gain, other.take.gain)
    after, start = take.audio.numpy(), 150 * 1920
    assert after.shape[1] == start + RATE + 5 * RATE
    assert take.gain == gain
    first = parent.samples * np.float32(gain / parent.take.gain)
    second = other.samples * np.float32(gain / other.take.gain)
    assert np.allclose(after[:, : start - 2 * RATE], first[:, : start - 2 * RATE], atol=1e-6)
    assert np.allclose(after[:, start + 3 * RATE :], second[:, 2 * RATE :], atol=1e-6)
    assert np.abs(after[:, start : start + RATE]).max() > 1e-3


def test_joining_belongs_to_repaint(turbo: Engine, parent: Parent) -> None:
    with pytest.raises(InvalidRequest) as refused:
        turbo.render(parent.asked(task_type="cover", next_audio=parent.audio))
    assert refused.value.field == "next_audio"


def test_more_than_ten_minutes_are_refused(turbo: Engine, parent: Parent) -> None:
    with pytest.raises(InvalidRequest, match="600") as refused:
        turbo.render(parent.asked(task_type="repaint", repainting_start=-599))
    assert refused.value.field == "repainting_end"


def test_a_region_that_is_too_loud_is_brought_down_alone(turbo: Engine, tmp_path: Path) -> None:
    quiet = sound_file(tmp_path / "quiet.flac", 0.2 * music(3))
    kept = turbo._model.vae.decoder.conv2.weight.clone()
    turbo._model.vae.decoder.conv2.weight.mul_(1e4)
    try:
        after = heard(
            turbo,
            Request(
                caption="y",
                task_type="repaint",
                src_audio=str(quiet),
                repainting_start=1,
                repainting_end=2,
                seeds=(1,),
                inference_steps=1,
            ),
        )
    finally:
        turbo._model.vae.decoder.conv2.weight.copy_(kept)
    assert 0.5 < np.abs(after[:, RATE : 2 * RATE]).max() <= 1
    assert np.array_equal(after[:, :RATE], stored(quiet)[:, :RATE])


def test_the_recipe_inside_the_audio_has_the_names_that_it_is_given(
    turbo: Engine, parent: Parent, tmp_path: Path
) -> None:
    """A path would say where it was made, and be good nowhere else."""
    take = turbo.render(parent.asked(task_type="repaint", repainting_end=2, inference_steps=1))[0]
    output = Output(str(tmp_path), "named", names={parent.audio: "take:7", parent.latents: ""})
    made = write_take(take, output)
    inside = json.loads(read_tags(made["files"]["audio"])[RECIPE])
    assert (inside["src_audio"], inside["src_latents"]) == ("take:7", "")
    assert Request.from_dict(inside) == take.request.replace(src_audio="take:7", src_latents=None)
    assert made["request"]["src_audio"] == parent.audio
