"""Adapters in a render: heard, remembered by the take, and gone when they are not asked for any more."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import Engine, InvalidRequest, Request
from engine.layout import dit_tensors
from engine.testing import make_checkpoint
from tests.engine.adapters.made import lora, peft_folder, save, single_file
from tests.engine.test_pipeline import NANO

ONE = Request(caption="warm jazz", lyrics="[Verse]\nslow rain", duration=1, seeds=(3,), inference_steps=2)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = make_checkpoint(tmp_path_factory.mktemp("base"), variant="base", lm=False, config=NANO)
    return Engine.load(folder, device="cpu", dtype="float32")


def test_heard_remembered_and_gone(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was computed from other weights, a prompt's keys for one, is never used with these."""
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path))
    shapes = dit_tensors(engine._model.config)
    warm = single_file(tmp_path / "warm.safetensors", lora(shapes, names=("cross_attn.k_proj", "mlp.up_proj")), str, 4)
    bright = peft_folder(tmp_path / "bright", lora(shapes, tag="b"), lora_alpha=8)
    (plain,) = engine.render(ONE)
    wanted = ONE.replace(adapters=[{"path": str(warm), "scale": 0.5}, {"path": str(bright)}])
    (worn,) = engine.render(wanted)
    assert not torch.allclose(worn.latents, plain.latents, atol=1e-3)
    assert [(each["name"], each["scale"]) for each in worn.identity["adapters"]] == [("warm", 0.5), ("bright", 1.0)]
    assert worn.request.adapters == wanted.adapters
    (less,) = engine.render(ONE.replace(adapters=[{"path": str(warm), "scale": 0.1}]))
    assert not torch.equal(less.latents, worn.latents)
    (again,) = engine.render(worn.request)
    assert torch.equal(again.audio, worn.audio)
    assert again.identity == worn.identity
    (bare,) = engine.render(ONE)
    assert torch.equal(bare.audio, plain.audio)
    assert "adapters" not in bare.identity == plain.identity


def test_one_that_does_not_fit_leaves_the_model_bare(engine: Engine, tmp_path: Path) -> None:
    shapes = dit_tensors(engine._model.config)
    (plain,) = engine.render(ONE)
    good = single_file(tmp_path / "good.safetensors", lora(shapes), str)
    pairs = lora(shapes)
    last = list(pairs)[-1]
    broken = {f"{last}.lora_A.weight": pairs[last][0] * float("inf"), f"{last}.lora_B.weight": pairs[last][1]}
    bad = save(tmp_path / "bad.safetensors", broken)
    engine.render(ONE.replace(adapters=[{"path": str(good)}]))
    with pytest.raises(InvalidRequest, match="values that are not numbers"):
        engine.render(ONE.replace(adapters=[{"path": str(good)}, {"path": str(bad)}]))
    (after,) = engine.render(ONE)
    assert torch.equal(after.audio, plain.audio)


def test_a_file_that_says_no_alpha_is_remarked_on(engine: Engine, tmp_path: Path) -> None:
    shapes = dit_tensors(engine._model.config)
    path = single_file(tmp_path / "warm.safetensors", lora(shapes), str)
    remarks = [getattr(event, "text", "") for event in engine.stream(ONE.replace(adapters=[{"path": str(path)}]))]
    assert any("does not say its alpha" in remark for remark in remarks)
