"""Random adapters in the layouts that programs write, for a model of given shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.layout import Shapes

ATTENTION = tuple(f"self_attn.{part}_proj" for part in "qkvo") + tuple(f"cross_attn.{part}_proj" for part in "qkvo")
MLP = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")


def modules(shapes: Shapes, names: Sequence[str] = ATTENTION) -> dict[str, tuple[int, ...]]:
    """The decoder's modules of these names in every layer, with the shapes of their weights."""
    return {
        weight.removesuffix(".weight").removeprefix("decoder."): shape
        for weight, shape in shapes.items()
        if weight.startswith("decoder.layers.") and weight.endswith(tuple(f"{name}.weight" for name in names))
    }


def random(*shape: int, seed: str) -> Tensor:
    generator = torch.Generator().manual_seed(sum(map(ord, seed)) * 7919 % 2**31)
    return torch.randn(shape, generator=generator) * 0.1


def lora(
    shapes: Shapes, rank: int = 4, names: Sequence[str] = ATTENTION, tag: str = ""
) -> dict[str, tuple[Tensor, Tensor]]:
    """A pair of matrices for every module: down ``[r, in]`` and up ``[out, r]``."""
    return {
        module: (random(rank, shape[1], seed=f"{tag}{module}A"), random(shape[0], rank, seed=f"{tag}{module}B"))
        for module, shape in modules(shapes, names).items()
    }


def peft_folder(folder: Path, pairs: Mapping[str, tuple[Tensor, Tensor]], **config: Any) -> Path:
    """As PEFT saves it; ``magnitude`` (by module) makes it a DoRA."""
    magnitude: Mapping[str, Tensor] = config.pop("magnitude", {})
    inner = config.pop("adapter", "")
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for module, (down, up) in pairs.items():
        stem = f"base_model.model.{module}"
        tensors[f"{stem}.lora_A{inner}.weight"] = down
        tensors[f"{stem}.lora_B{inner}.weight"] = up
        if module in magnitude:
            tensors[f"{stem}.lora_magnitude_vector{inner}"] = magnitude[module]
    save_file(tensors, folder / "adapter_model.safetensors")
    rank = next(iter(pairs.values()))[0].shape[0]
    said = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "bias": "none"} | config
    (folder / "adapter_config.json").write_text(json.dumps(said))
    return folder


def single_file(
    path: Path, pairs: Mapping[str, tuple[Tensor, Tensor]], spelling: Callable[[str], str], alpha: float | None = None
) -> Path:
    """As ComfyUI and others write it; ``spelling`` is what a module is called there."""
    tensors = {}
    for module, (down, up) in pairs.items():
        tensors[f"{spelling(module)}.lora_down.weight"] = down
        tensors[f"{spelling(module)}.lora_up.weight"] = up
        if alpha is not None:
            tensors[f"{spelling(module)}.alpha"] = torch.tensor(alpha)
    save_file(tensors, path)
    return path


def save(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    """A safetensors file."""
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path, metadata)
    return path
