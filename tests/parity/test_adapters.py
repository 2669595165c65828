"""Adapters that PEFT itself makes, on diffusers' transformer and merged into ours: the same velocity."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import nn

from engine.adapters.wearing import Wardrobe
from engine.readers import Adapter
from tests.parity.oracle import NETWORK, Twins, agree, randn, their_velocity

pytestmark = pytest.mark.parity

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYTHING = [*ATTENTION, "gate_proj", "up_proj", "down_proj", "condition_embedder"]


def wrapped(transformer: nn.Module, config: peft.PeftConfig) -> Any:
    """A copy of diffusers' transformer under a random adapter."""
    model = peft.get_peft_model(copy.deepcopy(transformer), config)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if "magnitude" in name:
            parameter.mul_(1 + 0.2 * torch.rand(parameter.shape, generator=generator))
        elif "lora_" in name or "lokr_" in name:
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(peft.LoraConfig(r=4, lora_alpha=8, target_modules=ATTENTION), id="LoRA"),
        pytest.param(
            peft.LoraConfig(r=6, lora_alpha=3, target_modules=EVERYTHING, use_rslora=True), id="rank-stabilised"
        ),
        pytest.param(
            peft.LoraConfig(r=4, lora_alpha=4, target_modules=ATTENTION, alpha_pattern={"to_q": 16}), id="alphas"
        ),
        pytest.param(
            peft.LoraConfig(r=4, lora_alpha=4, target_modules=ATTENTION, rank_pattern={"to_v": 2}), id="ranks"
        ),
        pytest.param(peft.LoraConfig(r=4, lora_alpha=8, target_modules=ATTENTION, use_dora=True), id="DoRA"),
        pytest.param(peft.LoKrConfig(r=2, alpha=3, target_modules=ATTENTION), id="LoKr"),
        pytest.param(
            peft.LoKrConfig(r=2, alpha=6, target_modules=ATTENTION, decompose_both=True, decompose_factor=4),
            id="LoKr, both factored",
        ),
        pytest.param(peft.LoKrConfig(r=64, alpha=8, target_modules=["to_q"]), id="LoKr, whole"),
    ],
)
def test_an_adapter_of_peft(twins: Callable[..., Twins], config: peft.PeftConfig, tmp_path: Path) -> None:
    both = twins("base")
    theirs = wrapped(both.pipe.transformer, config)
    theirs.save_pretrained(tmp_path / "adapter")
    x, states = both.latents(40, seed=1), randn(1, 9, both.config.encoder.hidden_size, seed=2)
    context = randn(1, 40, 2 * x.shape[2], seed=3)
    decoder, wardrobe = both.model.networks.decoder, Wardrobe(both.model, tmp_path)

    def ours() -> torch.Tensor:
        memory, time = decoder.remember(states), decoder.time(torch.tensor([0.7]))
        return decoder(x, time, decoder.patch_in.context(*context.chunk(2, dim=-1)), [memory])

    def of(transformer: Any) -> torch.Tensor:
        pipe = copy.copy(both.pipe)
        pipe.transformer = transformer
        return their_velocity(pipe, x, torch.tensor([0.7]), states, context)

    bare = ours()
    wardrobe.wear([Adapter("adapter")])
    try:
        worn, expected = ours(), of(theirs)
        assert not torch.allclose(worn, bare, rtol=1e-3)
        agree("adapters of PEFT", worn, expected, NETWORK)
    finally:
        wardrobe.wear([])
    assert torch.equal(ours(), bare)
