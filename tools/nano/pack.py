"""Writes trained weights as an official set: the folders that the engine ships."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from engine.models.loading import slots
from engine.models.planner_lm import PlannerLM
from engine.models.vae import VAE
from engine.testing.vocabulary import CHAT_TEMPLATE, END_OF_TEXT
from tools.nano.networks import Networks
from tools.nano.planner.tokens import END_OF_TURN
from tools.nano.sizes import PLANNER, TEXT, dit_settings
from tools.nano.sizes import VAE as VAE_SETTINGS

TEXT_FOLDER = "Qwen3-Embedding-nano"
DIT_FOLDER = "acestep-v15-nano-{variant}"
PLANNER_FOLDER = "acestep-5Hz-lm-nano"


def official(module: nn.Module) -> dict[str, Tensor]:
    """Every tensor of a module under its official name: fused matrices come apart."""
    found = {}
    for name, slot in slots(module).items():
        assert isinstance(slot.target, Tensor)  # nothing is packed while it is trained
        found[name] = slot.target.narrow(0, slot.start, slot.rows).clone() if slot.target.dim() else slot.target.clone()
    return found


def write_set(vae: VAE, networks: Networks, variant: str, silence: Tensor, root: Path) -> None:
    """A whole set in ``root``; ``silence`` is ``[1, frames, 64]``."""
    write_vae(vae, root / "vae")
    write_dit(networks, variant, silence, root / DIT_FOLDER.format(variant=variant))
    write_text_encoder(networks, root / TEXT_FOLDER)


def write_vae(vae: VAE, folder: Path) -> None:
    """``config.json`` and weights, weight norm multiplied out."""
    _write(folder, VAE_SETTINGS, official(vae), "diffusion_pytorch_model.safetensors")


def write_dit(networks: Networks, variant: str, silence: Tensor, folder: Path) -> None:
    """A DiT folder with its silence latent; ``silence`` is ``[1, frames, 64]``."""
    raw = {"architectures": ["AceStepConditionGenerationModel"]} | dit_settings(variant)
    _write(folder, raw, official(networks.acestep), "model.safetensors")
    torch.save(silence.transpose(1, 2).contiguous().float(), folder / "silence_latent.pt")


def write_text_encoder(networks: Networks, folder: Path) -> None:
    """A Qwen3 model without the ``model.`` prefix, and its tokenizer."""
    tokenizer = networks.tokenizer
    end = tokenizer.token_to_id(END_OF_TEXT)
    raw = TEXT | {"vocab_size": tokenizer.get_vocab_size(), "eos_token_id": end, "pad_token_id": end}
    _write(folder, {"architectures": ["Qwen3Model"]} | raw, official(networks.text.model), "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 4096,
        "padding_side": "right",
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def write_planner(network: PlannerLM, tokenizer: Tokenizer, folder: Path) -> None:
    """A Qwen3 causal model with the ``model.`` prefix, and its tokenizer."""
    end, pad = tokenizer.token_to_id(END_OF_TURN), tokenizer.token_to_id(END_OF_TEXT)
    raw = PLANNER | {"vocab_size": tokenizer.get_vocab_size(), "eos_token_id": end, "pad_token_id": pad}
    tensors = {f"model.{name}": value for name, value in official(network).items()}
    _write(folder, {"architectures": ["Qwen3ForCausalLM"]} | raw, tensors, "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 4096,
        "padding_side": "right",
        "eos_token": END_OF_TURN,
        "pad_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _write(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    halves = {name: _half(name, value) for name, value in tensors.items()}
    save_file(halves, folder / name, metadata={"format": "pt"})


def _half(name: str, value: Tensor) -> Tensor:
    """Float16: weights of a small model are well inside its range, and it has three bits more than bfloat16."""
    half = value.detach().cpu().to(torch.float16).contiguous()
    if not torch.isfinite(half).all():
        raise FloatingPointError(f"{name} does not fit float16.")
    return half
