"""Cards by the system's files: AMD's, which NVML does not know, and those of NVIDIA where NVML is missing.

A container is often given the card and not the library that tells of it. Then nobody but the engine process can say
how large it is, but that there is one, and what to do about it, can be said.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from engine.cards import Card

_AMD = "0x1002"
"""The number of the maker on the bus."""

_NVIDIA = "0x10de"
_DISPLAYS = ("0x0300", "0x0302")
"""The classes of what computes pictures, with an outlet and without."""

_NVIDIA_NODE = re.compile(r"nvidia[0-9]+")


def amd_cards(root: Path = Path("/")) -> tuple[Card, ...]:
    """AMD's cards, as their driver shows them. What it does not show is left open."""
    return tuple(_amd_card(index, device) for index, device in enumerate(_amd_devices(root)))


def _amd_devices(root: Path) -> Iterator[Path]:
    for card in sorted((root / "sys/class/drm").glob("card[0-9]*")):
        device = card / "device"
        # Outlets of a card (card0-HDMI-A-1) lead to it too, and a processor's own graphics have no memory of theirs.
        if card.name[4:].isdecimal() and _text(device / "vendor") == _AMD and _number(device / "mem_info_vram_total"):
            yield device


def _amd_card(index: int, device: Path) -> Card:
    total, used = _number(device / "mem_info_vram_total"), _number(device / "mem_info_vram_used")
    hot = next(iter(sorted(device.glob("hwmon/hwmon*/temp1_input"))), None)
    degrees = _number(hot) if hot is not None else None
    return Card(
        index=index,
        name=_text(device / "product_name") or "an AMD card",
        uuid=_text(device / "unique_id"),
        maker="AMD",
        total=total,
        used=used,
        free=total - used if total is not None and used is not None else None,
        utilisation=_number(device / "gpu_busy_percent"),
        temperature=None if degrees is None else degrees // 1000,
    )


def silent_cards(root: Path = Path("/")) -> tuple[str, ...]:
    """The names of NVIDIA's cards that are here by the system's files, whether or not NVML tells of them."""
    told = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    names = [name for path in told if (name := _model(path))]
    nodes = [node.name for node in sorted((root / "dev").glob("nvidia*")) if _NVIDIA_NODE.fullmatch(node.name)]
    return tuple(names) or tuple(f"a card of NVIDIA's ({name})" for name in nodes)


def driverless(root: Path = Path("/")) -> tuple[str, ...]:
    """Where on the bus NVIDIA's cards are that have no driver of theirs; those lent to a virtual machine are not ours.

    In a container, and where there is no such bus, nothing is told.
    """
    found = []
    for device in sorted((root / "sys/bus/pci/devices").glob("*")):
        if _text(device / "vendor") == _NVIDIA and _text(device / "class").startswith(_DISPLAYS):
            driver = (device / "driver").resolve().name if (device / "driver").exists() else ""
            if driver in ("", "nouveau"):
                found.append(device.name)
    return tuple(found)


def _model(information: Path) -> str:
    for line in _text(information).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Model":
            return value.strip()
    return ""


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None
