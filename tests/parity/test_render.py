"""Whole renders against AceStepPipeline, from the words and the noise to the sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import Engine, Request
from engine.take import Take
from engine.testing import make_checkpoint
from tests.parity.oracle import AUDIO, Twins, agree, frames_of, their_audio, their_latents, their_sound

pytestmark = pytest.mark.parity

WORDS: dict[str, Any] = {
    "caption": "A slow song with a warm piano",
    "lyrics": "[Verse]\nThe river carries all the lights of the town away\n[Chorus]\nand away",
    "vocal_language": "en",
    "bpm": 96,
    "keyscale": "C major",
    "timesignature": "4",
}


@dataclass(frozen=True)
class Case:
    """One request on one variant."""

    name: str
    variant: str = "turbo"
    request: dict[str, Any] = field(default_factory=dict)
    batch: int = 1
    true_vae: bool = False

    def whole_request(self) -> Request:
        """The request with its words; its own entries win. The level is compared apart."""
        seeds = tuple(range(self.batch))
        return Request(**(WORDS | {"duration": 6.0, "seeds": seeds, "enable_normalization": False} | self.request))


CASES = (
    Case("turbo as it comes: 8 steps, shift 3"),
    Case("turbo at 48 kHz", true_vae=True),
    Case("turbo, half a frame more than whole frames", request={"duration": 7.3}),
    Case("turbo, longer than the window", request={"duration": 31.0}),
    Case("turbo, three takes of one prompt", batch=3),
    Case("turbo, shift 1", request={"shift": 1.0}),
    Case("turbo, four steps, shift 2", request={"inference_steps": 4, "shift": 2.0}),
    Case("turbo, own times among the known ones", request={"timesteps": (1.0, 0.75, 0.5, 0.3)}),
    Case("turbo, nothing but a caption", request={"lyrics": "", "bpm": None, "keyscale": "", "timesignature": ""}),
    Case("turbo, lyrics beyond the limit", request={"lyrics": "[Verse]\na line of many that will be cut\n" * 200}),
    Case("turbo, instrumental", request={"instrumental": True, "vocal_language": "unknown"}),
    Case("base, guided: APG 7, odd length", "base", {"inference_steps": 6, "duration": 6.6}),
    Case("base at 48 kHz, guided", "base", {"inference_steps": 3, "duration": 5.24}, true_vae=True),
    Case("base, guided, shift 3", "base", {"inference_steps": 5, "shift": 3.0, "guidance_scale": 4.5}),
    Case("base, guided, three takes", "base", {"inference_steps": 4}, batch=3),
    Case("base, unguided", "base", {"inference_steps": 6, "guidance_scale": 1.0}),
    Case("base, own times", "base", {"timesteps": (0.97, 0.6, 0.55, 0.2, 0.01)}),
    Case("sft, guided", "sft", {"inference_steps": 4, "guidance_scale": 15.0}),
    Case("XL turbo", "xl-turbo"),
    Case("XL base, guided, odd length", "xl-base", {"inference_steps": 4, "duration": 6.6}),
)


def render_both(both: Twins, request: Request) -> tuple[list[Take], Tensor, Tensor]:
    """Our takes, and diffusers' latents ``[B, T, C]`` and sound ``[B, channels, samples]`` without a level."""
    assert request.duration is not None
    noise = both.latents(frames_of(both, request.duration), len(request.seeds), seed=42)
    latents = their_latents(both, request, noise)
    return both.engine.render(request, noise=noise), latents, their_sound(both, latents)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_latents_and_sound(twins: Callable[..., Twins], case: Case) -> None:
    """The same noise in, the same latents and the same sound out; ours ends where the request ends (dit.md 10)."""
    both, request = twins(case.variant, true_vae=case.true_vae), case.whole_request()
    takes, latents, sound = render_both(both, request)
    assert len(takes) == case.batch
    for i, take in enumerate(takes):
        agree(f"render, latents of {case.variant}", take.latents, latents[i], AUDIO)
        samples = take.audio.shape[1]
        assert samples == round(request.duration * both.pipe.sample_rate)
        agree(f"render, sound of {case.variant}", take.audio / take.gain, sound[i, :, :samples], AUDIO)


@pytest.mark.parametrize("variant", ["turbo", "base"])
def test_level(twins: Callable[..., Twins], variant: str) -> None:
    """The finished audio: both bring the peak to -1 dBFS (dit.md 19, #21)."""
    both = twins(variant)
    request = Request(**WORDS, duration=6.0, seeds=(0, 1), inference_steps=3)
    noise = both.latents(frames_of(both, 6.0), 2, seed=43)
    theirs = their_audio(both, request, noise)
    for i, take in enumerate(both.engine.render(request, noise=noise)):
        agree("render, finished audio", take.audio, theirs[i], AUDIO)
        assert float(take.audio.abs().max()) == pytest.approx(10 ** (-1 / 20))


def test_random_sizes(random_twins: Twins) -> None:
    """End to end through sizes that no published set has, turbo and guided base by turns."""
    request = Request(**WORDS, duration=6.2, seeds=(0,), inference_steps=4, enable_normalization=False)
    (take,), latents, sound = render_both(random_twins, request)
    agree("render, random sizes", take.latents, latents[0], AUDIO)
    agree("render, random sizes", take.audio / take.gain, sound[0, :, : take.audio.shape[1]], AUDIO)


def test_a_take_does_not_depend_on_its_batch(twins: Callable[..., Twins]) -> None:
    """Bit for bit on CPU; diffusers computes a batch at once, which is near and no more is promised."""
    both = twins("base")
    request = Request(**WORDS, duration=6.0, seeds=(5, 6, 7), inference_steps=3)
    noise = both.latents(frames_of(both, 6.0), 3, seed=44)
    together, theirs = both.engine.render(request, noise=noise), their_latents(both, request, noise)
    for i, seed in enumerate(request.seeds):
        (alone,) = both.engine.render(request.replace(seeds=(seed,)), noise=noise[i : i + 1])
        assert alone.latents.equal(together[i].latents)
        assert alone.audio.equal(together[i].audio)
        their_alone = their_latents(both, request, noise[i : i + 1])
        agree("diffusers, a take alone and in a batch", their_alone[0], theirs[i], AUDIO)


def test_either_layout_gives_the_same_samples(tmp_path: Path) -> None:
    """The engine reads the diffusers pipeline too: the twins hold the same weights, and it hears no difference."""
    config = {"audio_acoustic_hidden_dim": 16, "vae": {"decoder_channels": 8}}
    for layout in ("official", "diffusers"):
        make_checkpoint(tmp_path / layout, variant="base", lm=False, config=config, format=layout)
    request = Request(**WORDS, duration=2.0, seeds=(3,), inference_steps=2)
    takes = [
        Engine.load(tmp_path / layout, device="cpu", dtype="float32").render(request)[0]
        for layout in ("official", "diffusers")
    ]
    assert torch.equal(takes[0].audio, takes[1].audio)


@pytest.mark.parametrize(("variant", "batch"), [("turbo", 1), ("turbo", 3), ("base", 2), ("xl-turbo", 1)])
def test_codes_are_followed(twins: Callable[..., Twins], variant: str, batch: int) -> None:
    """Codes in, which are turned into latents that the DiT hears beside its noise."""
    both = twins(variant)
    count = both.model.networks.tokenizer.quantizer.codes
    codes = tuple(torch.randint(0, count, (30,), generator=torch.Generator().manual_seed(3)).tolist())
    request = Request(
        **WORDS, audio_codes=codes, seeds=tuple(range(batch)), inference_steps=3, enable_normalization=False
    )
    noise = both.latents(150, batch, seed=45)
    written = "".join(f"<|audio_code_{code}|>" for code in codes)
    latents = their_latents(both, request, noise, audio_codes=written, task_type="cover", audio_duration=6.0)
    for i, take in enumerate(both.engine.render(request, noise=noise)):
        agree(f"render, latents of {variant} with codes", take.latents, latents[i], AUDIO)
        assert take.codes == list(codes)
        assert take.request.duration == 6.0
