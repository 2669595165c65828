"""Tasks with a source against AceStepPipeline, where it does the same (docs/tasks.md says where it does not)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import soundfile
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution
from torch import Tensor

from engine import Request
from tests.parity.oracle import AUDIO, Twins, agree, differ, randn, their_latents
from tests.parity.test_render import WORDS

pytestmark = pytest.mark.parity

SECONDS = 6.4
"""Whole frames, in whole codes."""


@pytest.fixture(autouse=True)
def _means(monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers draws its source latents at random; ours are the mean (dit.md 7)."""
    monkeypatch.setattr(OobleckDiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())


@dataclass(frozen=True)
class Case:
    """One task on one variant, in our fields and in diffusers' arguments; ``frames`` are those that are compared."""

    task: str
    variant: str = "base"
    fields: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    frames: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.task} on {self.variant} {self.fields}"


REGION = {"repainting_start": 1.6, "repainting_end": 4.4}
BARE = {"repaint_mode": "aggressive"}

CASES = (
    Case("repaint", "turbo", REGION | BARE, REGION, (40, 110)),
    Case("repaint", "turbo", {"repainting_start": 3.0} | BARE, {"repainting_start": 3.0}, (75, 160)),
    Case("repaint", "base", REGION | BARE, REGION, (40, 110)),
    Case("repaint", "xl-turbo", REGION | {"repaint_strength": 1.0}, REGION, (40, 110)),
    Case("lego", "base", {"track": "backing_vocals"}, {"track_name": "backing_vocals"}),
    Case("lego", "base", {"track": "bass"} | REGION, {"track_name": "bass"} | REGION),
    Case("extract", "base", {"track": "vocals"}, {"track_name": "vocals"}),
    Case("complete", "base", {"tracks": ["drums", "bass"]}, {"complete_track_classes": ["drums", "bass"]}),
    Case("cover", "turbo"),
    Case("cover", "base"),
)


def source(twins: Twins, seconds: float, folder: Path) -> tuple[str, Tensor]:
    """The same audio as a file and as diffusers takes it, ``[2, samples]``."""
    rate = int(twins.pipe.sample_rate)
    audio = (0.2 * randn(2, round(seconds * rate), seed=8)).clamp(-1, 1)
    path = folder / "source.wav"
    soundfile.write(path, audio.T.numpy(), rate, subtype="FLOAT")
    return str(path), audio


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_task(twins: Callable[..., Twins], tmp_path: Path, case: Case) -> None:
    both = twins(case.variant)
    path, audio = source(both, SECONDS, tmp_path)
    request = Request(
        **WORDS | {"task_type": case.task, "src_audio": path, "seeds": (0,), "inference_steps": 4} | case.fields
    )
    noise = both.latents(160, seed=46)
    (take,) = both.engine.render(request, noise=noise)
    theirs = their_latents(
        both, request, noise, src_audio=audio, task_type=case.task, audio_duration=SECONDS, **case.theirs
    )
    start, stop = case.frames or (0, 160)
    agree(f"tasks, latents of {case.task}", take.latents[start:stop], theirs[0, start:stop], AUDIO)


def test_a_cover_switches_where_diffusers_blends(twins: Callable[..., Twins], tmp_path: Path) -> None:
    """A strength below 1 means another thing there (dit.md 19, #9); 1 and what follows from it are compared above."""
    both = twins("turbo")
    path, audio = source(both, SECONDS, tmp_path)
    request = Request(
        **WORDS, task_type="cover", src_audio=path, seeds=(0,), inference_steps=4, audio_cover_strength=0.5
    )
    noise = both.latents(160, seed=46)
    (take,) = both.engine.render(request, noise=noise)
    changes = {"src_audio": audio, "task_type": "cover", "audio_duration": SECONDS, "audio_cover_strength": 0.5}
    differ(take.latents, their_latents(both, request, noise, **changes)[0])


@pytest.mark.parametrize("variant", ["turbo", "base", "xl-turbo"])
def test_a_reference_of_thirty_seconds(twins: Callable[..., Twins], tmp_path: Path, variant: str) -> None:
    """There our seeded thirds are diffusers' fixed ones."""
    both = twins(variant)
    path, audio = source(both, 30.0, tmp_path)
    request = Request(**WORDS, reference_audio=path, duration=6.0, seeds=(0,), inference_steps=3)
    noise = both.latents(150, seed=47)
    (take,) = both.engine.render(request, noise=noise)
    theirs = their_latents(both, request, noise, reference_audio=audio)
    agree(f"tasks, latents of {variant} with a reference", take.latents, theirs[0], AUDIO)
    plain = both.engine.render(request.replace(reference_audio=None), noise=noise)[0]
    differ(take.latents, plain.latents)
