"""What only a CUDA device can show: `make test-gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import Engine, Request
from engine.layout import dit_tensors
from engine.models.recorded import RecordedDiT
from tests.engine.adapters.made import lora, single_file

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

REQUEST = Request(caption="slow synthwave", lyrics="[Verse]\nheadlights", duration=12.3, seeds=[7, 8])


def close(ours: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> bool:
    return float((ours - theirs).abs().max()) <= tolerance * float(theirs.abs().max())


def test_a_seed_gives_the_same_music_as_on_the_cpu(tiny_turbo: Path) -> None:
    here = Engine.load(tiny_turbo, device="cuda", dtype="float32").render(REQUEST)
    there = Engine.load(tiny_turbo, device="cpu", dtype="float32").render(REQUEST)
    for ours, theirs in zip(here, there, strict=True):
        assert close(ours.latents, theirs.latents, 1e-2)  # TF32 is off by default; convolutions may still use it
        assert ours.audio.shape == theirs.audio.shape


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_recorded_step_is_the_step(tiny_base: Path, dtype: str) -> None:
    engine = Engine.load(tiny_base, device="cuda", dtype=dtype)
    request = REQUEST.replace(inference_steps=5)
    first, second, third = (engine.render(request) for _ in range(3))
    assert any("_Recording" in type(value).__name__ for value in engine._decoder._seen.values())
    tolerance = 1e-5 if dtype == "float32" else 2e-2  # what is recorded may be multiplied by another kernel
    for plain, recorded, again in zip(first, second, third, strict=True):
        assert plain.codes == recorded.codes == again.codes
        assert close(recorded.latents, plain.latents, tolerance)
        assert torch.equal(recorded.latents, again.latents)


def test_old_recordings_make_room(tiny_turbo: Path) -> None:
    engine = Engine.load(tiny_turbo, device="cuda")
    for seconds in (6, 6, 7, 7, 8, 8):
        engine.render(REQUEST.replace(duration=seconds))
    assert isinstance(engine._decoder, RecordedDiT)
    assert len(engine._decoder._seen) == 2


def test_bfloat16_is_the_default_and_close_to_float32(tiny_turbo: Path) -> None:
    # Without the planner: rounded in another way it draws other codes, and the takes are others.
    plain = Engine.load(tiny_turbo, lm="none", device="cuda", dtype="float32").render(REQUEST)[0]
    engine = Engine.load(tiny_turbo, lm="none", device="cuda")
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this card computes no bfloat16")
    assert engine.identity["dtype"] == "bfloat16"
    error = engine.render(REQUEST)[0].latents - plain.latents
    assert float(error.square().mean().sqrt()) < 0.1 * float(plain.latents.square().mean().sqrt())


def test_an_adapter_is_heard_through_a_recording_and_comes_off_exactly(tiny_base: Path, tmp_path: Path) -> None:
    """Recordings know addresses: what was recorded with other weights is not played with these."""
    engine = Engine.load(tiny_base, device="cuda", dtype="bfloat16")
    pairs = lora(dit_tensors(engine._model.config), names=("self_attn.q_proj", "cross_attn.k_proj"))
    path = single_file(tmp_path / "warm.safetensors", pairs, str, 8)
    request = REQUEST.replace(inference_steps=4, use_erg_tag=True)
    worn = request.replace(adapters=[{"path": str(path)}])
    plain = [engine.render(request)[0] for _ in range(3)][-1]  # the third is played from a recording
    heard = [engine.render(worn)[0] for _ in range(3)]
    assert torch.equal(heard[1].latents, heard[2].latents)
    assert not close(heard[2].latents, plain.latents, 1e-2)
    again = [engine.render(request)[0] for _ in range(3)][-1]
    assert torch.equal(again.latents, plain.latents)
