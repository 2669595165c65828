"""How much memory a device has for models: of its own, or as much as it is told to have."""

from __future__ import annotations

import contextlib

import torch

from engine.allowance import Allowance, allowance
from engine.cards import GB, simulated_gb
from engine.memory import APPLE_SHARE, memory_bytes

_DRIVERS_SHARE = 0.5
"""GB that a simulated card keeps for its driver."""


def allowed_on(device: torch.device) -> Allowance:
    """What the device allows, by its memory and what it computes."""
    if device.type == "cuda":
        return allowance("cuda", gb_of(device), torch.cuda.get_device_capability(device))
    if device.type == "xpu":  # a card with memory of its own, like the others
        return allowance("cuda", gb_of(device))
    return allowance("mps" if device.type == "mps" else "cpu", gb_of(device))


def gb_of(device: torch.device) -> float:
    """GB in all: of the card, of the computer where it renders itself, or what ``ACETUI_VRAM_GB`` says."""
    simulated = simulated_gb()
    if simulated is not None and device.type != "cpu":
        return simulated
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory / GB
    if device.type == "xpu":
        return torch.xpu.get_device_properties(device).total_memory / GB
    if device.type == "mps":
        with contextlib.suppress(AttributeError, RuntimeError):
            return torch.mps.recommended_max_memory() / GB
        return memory_bytes() / GB * APPLE_SHARE
    return memory_bytes() / GB


def cap(device: torch.device) -> None:
    """Holds a simulated card to its size: what goes beyond it runs out of memory as it would there.

    The card comes with its number (``engine.model.choose_device``).
    """
    simulated = simulated_gb()
    if simulated is None or device.type != "cuda":
        return
    total = torch.cuda.get_device_properties(device).total_memory / GB
    if simulated < total:
        share = max(0.5, simulated - _DRIVERS_SHARE) / total
        torch.cuda.set_per_process_memory_fraction(min(1.0, max(0.01, share)), device)
