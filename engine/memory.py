"""What the machine has to render with: its cards, as NVML tells of them, its processor, and its memory.

torch is not needed for it, so that the studio and the terminal can ask at any time. Where there is no NVML, as in many
containers and on every computer without such a card, there are no cards.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

GB = 2**30

SIMULATED = "ACETUI_VRAM_GB"
"""Names the size that the card is taken to have, to see what the program does on another one."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One card. Sizes are bytes; None is what it does not tell."""

    index: int
    """Its place in the order of the bus."""

    name: str
    uuid: str = ""
    driver: str = ""
    total: int | None = None
    used: int | None = None
    """By all processes together."""

    free: int | None = None
    temperature: int | None = None
    """Degrees Celsius."""

    utilisation: int | None = None
    """Percent of the time in which it computed."""

    power: float | None = None
    """Watts."""

    simulated: bool = False

    def sized(self, gb: float | None) -> Card:
        """The card as if it had so many GB; the card itself for None."""
        if gb is None:
            return self
        total = int(gb * GB)
        used = min(self.used or 0, total)
        return replace(self, total=total, used=used, free=total - used, simulated=True)


class Cards:
    """Asks NVML, which is opened at the first look and stays open: to open it can take a second."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._lock = threading.Lock()

    def look(self) -> tuple[Card, ...]:
        """The cards as they are now; none where they cannot be asked."""
        with self._lock:
            try:
                if self._nvml is None:
                    self._nvml = _opened()
                return () if self._nvml is None else _cards(self._nvml)
            except Exception as error:  # NVMLError is one, but is only there with the library that raises it
                if self._nvml is None or not isinstance(error, self._nvml.NVMLError):
                    raise
                self._close()  # the driver was replaced, or a card is gone: the next look begins anew
                return ()

    def close(self) -> None:
        """Lets NVML go."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml = None


def _opened() -> Any:
    """The binding, with the driver's library loaded; None where either is missing."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _cards(nvml: Any) -> tuple[Card, ...]:
    driver = _told(nvml, nvml.nvmlSystemGetDriverVersion) or ""
    handles = [(index, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(nvml.nvmlDeviceGetCount())]
    return tuple(_card(nvml, index, handle, driver) for index, handle in handles)


def _card(nvml: Any, index: int, handle: Any, driver: str) -> Card:
    memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    load = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    power = _told(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    return Card(
        index=index,
        name=_told(nvml, nvml.nvmlDeviceGetName, handle) or "a card",
        uuid=_told(nvml, nvml.nvmlDeviceGetUUID, handle) or "",
        driver=driver,
        total=memory and int(memory.total),
        used=memory and int(memory.used),
        free=memory and int(memory.free),
        temperature=_told(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        utilisation=load and int(load.gpu),
        power=None if power is None else power / 1000,
    )


def _told(nvml: Any, ask: Callable[..., Any], *given: Any) -> Any:
    """An answer of NVML, or None: cards differ in what they tell, and some tell only an administrator."""
    gone = (nvml.NVMLError_GpuIsLost, nvml.NVMLError_Uninitialized)
    try:
        return ask(*given)
    except gone:
        raise
    except nvml.NVMLError:
        return None


def simulated_gb(env: Mapping[str, str] | None = None) -> float | None:
    """The size that ``ACETUI_VRAM_GB`` tells; None for none, and for what is no size."""
    with contextlib.suppress(ValueError):
        size = float((os.environ if env is None else env).get(SIMULATED, ""))
        return size if math.isfinite(size) and size > 0 else None
    return None


def card_for(device: str, cards: Sequence[Card], env: Mapping[str, str] | None = None) -> Card | None:
    """The card that ``device`` (``auto``, ``cuda``, ``cuda:1``) means, by CUDA_VISIBLE_DEVICES; None for no card."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cuda") or not cards:
        return None
    place = int(number) if number.isascii() and number.isdecimal() else 0
    told = (os.environ if env is None else env).get("CUDA_VISIBLE_DEVICES")
    visible = [name.strip() for name in told.split(",")] if told is not None else [str(card.index) for card in cards]
    name = visible[place] if place < len(visible) else ""
    return next((card for card in cards if name and (str(card.index) == name or card.uuid.startswith(name))), None)


@cache
def processor() -> str:
    """The processor as its maker calls it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return " ".join(value.split())
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            told = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
            return told.stdout.strip()
    return platform.processor() or platform.machine() or "CPU"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """The computer's own memory, or the part of it that a container has; 0 where nothing tells."""
    total = 0
    with contextlib.suppress(OSError, ValueError, AttributeError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            allowed = int(Path(limit).read_text(encoding="ascii"))
            total = min(total, allowed) if total else allowed
    return total
