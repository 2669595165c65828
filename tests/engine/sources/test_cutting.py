"""Crops and fades: nothing is made, what is kept is what is stored; and takes are decoded again as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine import Engine, InvalidRequest
from engine.pipeline import Progress
from engine.sources.cutting import faded
from tests.engine.sources.conftest import Parent, written
from tests.engine.sources.sounds import RATE

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_crop_is_a_part_of_what_is_stored_with_its_latents(turbo: Engine, parent: Parent, tmp_path: Path) -> None:
    take = turbo.render(parent.asked(task_type="crop", crop_start=1.5, crop_end=4.51))[0]
    start, stop = 37 * 1920, round(4.51 * RATE)
    assert np.array_equal(take.audio.numpy(), parent.samples[:, start:stop])
    assert torch.equal(take.latents, parent.take.latents[37:113])
    assert (take.gain, take.request.duration) == (parent.take.gain, (stop - start) / RATE)
    child = written(take, tmp_path, "crop")
    longer = turbo.render(child.asked(task_type="repaint", repainting_start=2, repainting_end=5))[0]
    assert np.array_equal(longer.audio.numpy()[:, : 2 * RATE], child.samples[:, : 2 * RATE])


def test_nothing_is_computed_for_a_crop(turbo: Engine, parent: Parent) -> None:
    events = list(turbo.stream(parent.asked(task_type="crop", crop_end=2, seeds=(1, 2))))
    assert {event.stage for event in events if isinstance(event, Progress)} == {"conditions"}
    assert [event.take.layout["index"] for event in events if not isinstance(event, Progress)] == [0, 1]


def test_fades_rise_and_fall_and_leave_the_middle(turbo: Engine, parent: Parent) -> None:
    take = turbo.render(parent.asked(task_type="crop", fade_in=1, fade_out=2))[0]
    before, after = parent.samples, take.audio.numpy()
    assert np.array_equal(after[:, RATE : -2 * RATE], before[:, RATE : -2 * RATE])
    assert not after[:, 0].any()
    assert not after[:, -1].any()
    shape = faded(torch.ones(2, 10), 4, 3)[0]
    assert shape.tolist() == pytest.approx([0, 0.25, 0.75, 1, 1, 1, 1, 1, 0.5, 0])
    assert (faded(torch.ones(2, 5), 9, 0)[0].diff() > 0).all()


def test_latents_are_decoded_to_the_very_samples(turbo: Engine, parent: Parent) -> None:
    """Before they were rounded to be stored: to the last of them, which lies within a frame."""
    take = turbo.render(parent.asked(task_type="crop", src_audio=parent.latents, src_latents=None))[0]
    assert torch.equal(take.audio, parent.take.audio)
    assert torch.equal(take.latents, parent.take.latents)


@pytest.mark.parametrize("fields", [{"crop_start": 5.5}, {"crop_end": 0.5}, {"crop_start": 7}])
def test_less_than_a_second_is_refused(turbo: Engine, parent: Parent, fields: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest, match="less than a second"):
        turbo.render(parent.asked(task_type="crop", **fields))
