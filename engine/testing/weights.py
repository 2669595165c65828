"""Random weights that keep activations of order one through any depth, so that tiny models behave like models."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.layout import Shape, Shapes
from engine.naming import weight_norm_names

SILENCE_FRAMES = 15000
"""Frames of the official silence latent: 600 s at 25 Hz."""


def _generator(seed: int, key: str) -> torch.Generator:
    """A generator for one tensor, so that no tensor depends on which others are written, or in which order."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def random_tensor(name: str, shape: Shape, seed: int) -> Tensor:
    """Float32 values for an official tensor name of a DiT or a Qwen3, by what the tensor does in its model."""
    centre, spread = _distribution(name, shape)
    values = torch.randn(shape, generator=_generator(seed, name)).mul_(spread)
    return values.add_(centre) if centre else values


def _distribution(name: str, shape: Shape) -> tuple[float, float]:
    """The mean and the standard deviation of a tensor's entries."""
    if name.endswith(("q_norm.weight", "k_norm.weight")):
        return 1.4, 0.1  # above 1, attention prefers some keys clearly, as trained models do
    if name.endswith(("norm.weight", "norm_out.weight")):
        return 1.0, 0.1
    if name.endswith((".alpha", ".beta")):
        return 0.0, 0.2
    if name.endswith("scale_shift_table"):
        return 0.0, 0.1
    if name.endswith(".bias"):
        return 0.0, 0.05
    if name.endswith(".weight"):
        return 0.0, _gain(name) * _fan_in(name, shape) ** -0.5
    if name.endswith("special_token"):
        return 0.0, 0.2  # what it collects from its sequence has to outweigh it
    return 0.0, 1.0


def _gain(name: str) -> float:
    """How much of its input's scale a layer keeps: branches that are added to a residual stream keep half."""
    return 0.5 if name.endswith(("o_proj.weight", "down_proj.weight", "time_proj.weight")) else 1.0


def _fan_in(name: str, shape: Shape) -> int:
    """How many terms an output of the layer sums; the transposed convolutions have their inputs on axis 0."""
    if ".conv_t1." in name:
        return 2 * shape[0]
    return shape[0] if ".proj_out.1." in name else math.prod(shape[1:])


def _random_vae_tensor(name: str, shape: Shape, seed: int) -> Tensor:
    """Values that decode to something like audio: bounded, without DC, and with most of its energy low.

    Snakes are one-sided, so every unit has about the same offset; weights that sum to zero over their inputs cancel it.
    A transposed convolution whose taps rise and fall interpolates, where bare noise would whistle at its stride.
    """
    values = random_tensor(name, shape, seed)
    if not name.endswith(".weight"):
        return values
    values *= _vae_gain(name)
    if name == "encoder.conv1.weight":
        return values  # its inputs are the two audio channels: centred weights would not hear mono
    if ".conv_t1." not in name:
        return values - values.mean(1, keepdim=True)
    phase = (torch.arange(shape[-1]) + 0.5) / shape[-1]
    values = (values[..., :1] + values * 0.7) * torch.sin(torch.pi * phase) ** 2
    return values - values.mean(0, keepdim=True)


def _vae_gain(name: str) -> float:
    """Gains under which each stage keeps its input's scale, and audio comes out at about -20 dBFS."""
    if name == "decoder.conv2.weight":
        return 0.15
    if ".res_unit" in name:
        return 0.7 if ".conv1." in name else 0.4
    return 0.95


def random_vae_weights(shapes: Shapes, seed: int, naming: str) -> dict[str, Tensor]:
    """All tensors of a VAE under a weight-norm naming; the directions get lengths that only their gains know."""
    stored: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        values = _random_vae_tensor(name, shape, seed)
        pair = weight_norm_names(name.removesuffix(".weight"), naming) if name.endswith(".weight") else None
        if pair is None:
            stored[name] = values
            continue
        gain = values.flatten(1).norm(dim=1)[:, None, None]
        stored[pair[0]] = gain
        stored[pair[1]] = values * (0.5 + torch.rand(gain.shape, generator=_generator(seed, f"{name} length")))
    return stored


def random_weights(shapes: Mapping[str, Shape], seed: int) -> dict[str, Tensor]:
    """All tensors of a DiT or a Qwen3, float32."""
    return {name: random_tensor(name, shape, seed) for name, shape in shapes.items()}


def random_silence(channels: int, seed: int) -> Tensor:
    """``[1, channels, 15000]`` float32: smooth in time and different in its first frames, like encoded silence."""
    generator = _generator(seed, "silence_latent")
    level = torch.randn(1, channels, 1, generator=generator) * 0.5
    knots = torch.randn(1, channels, SILENCE_FRAMES // 60, generator=generator) * 0.1
    drift = F.interpolate(knots, size=SILENCE_FRAMES, mode="linear", align_corners=True)
    onset = torch.randn(1, channels, 1, generator=generator) * torch.exp(-torch.arange(SILENCE_FRAMES) / 4.0)
    return (level + drift + onset).contiguous()
