"""What the machine has to render with: its cards, as NVML tells of them, its processor, and its memory.

torch is not needed for it, so that the studio and the terminal can ask at any time. Where there is no NVML, as in many
containers and on every computer without such a card, the system's files are asked (``engine.card_files``).
"""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from engine import card_files
from engine.cards import Card, Tenant, card_for

APPLE_SHARE = 0.75
"""How much of its memory an Apple machine lets its card use, where that is not told."""


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
                return card_files.amd_cards() if self._nvml is None else _cards(self._nvml)
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


def cards_now() -> tuple[Card, ...]:
    """The cards as they are, for whoever asks once."""
    asked = Cards()
    try:
        return asked.look()
    finally:
        asked.close()


def crowd(device: str, ours: Collection[int]) -> str:
    """A sentence of who else has most of a card, and empty where nobody has: ``ours`` are our own processes."""
    card = card_for(device, cards_now())
    told = card.crowd(ours) if card is not None else ""
    return f"On the card {told}." if told else ""


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
    return tuple(part for index, handle in handles for part in _parts(nvml, _card(nvml, index, handle, driver), handle))


def _parts(nvml: Any, card: Card, handle: Any) -> tuple[Card, ...]:
    """The slices that a card is cut into, which are all that programs see of it; the card itself where it is whole."""
    mode = _told(nvml, nvml.nvmlDeviceGetMigMode, handle)
    if not mode or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
        return (card,)
    places = range(_told(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
    slices = [_told(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place) for place in places]
    return tuple(_slice(nvml, card, part) for part in slices if part is not None) or (card,)


def _slice(nvml: Any, card: Card, handle: Any) -> Card:
    """What a slice has of its own; temperature, power and load are told of the whole card alone."""
    memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    return replace(
        card,
        name=_told(nvml, nvml.nvmlDeviceGetName, handle) or f"a slice of {card.name}",
        uuid=_told(nvml, nvml.nvmlDeviceGetUUID, handle) or "",
        slice_of=card.uuid,
        tenants=_tenants(nvml, handle),
        total=memory and int(memory.total),
        used=memory and int(memory.used),
        free=memory and int(memory.free),
        utilisation=None,
    )


def _tenants(nvml: Any, handle: Any) -> tuple[Tenant, ...]:
    """Programs that compute, and those that draw: a game takes memory like any other."""
    asked = (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses)
    found = {int(each.pid): each.usedGpuMemory for ask in reversed(asked) for each in _told(nvml, ask, handle) or ()}
    return tuple(Tenant(pid, used and int(used), _program(nvml, pid)) for pid, used in found.items())


def _program(nvml: Any, pid: int) -> str:
    """What a process runs, without its folder: the driver knows that of processes outside of a container too."""
    told = _told(nvml, nvml.nvmlSystemGetProcessName, pid) or ""
    name = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
    return name.replace("\\", "/").rpartition("/")[2].partition("\0")[0]


def _card(nvml: Any, index: int, handle: Any, driver: str) -> Card:
    memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    load = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    power = _told(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    return Card(
        index=index,
        name=_told(nvml, nvml.nvmlDeviceGetName, handle) or "a card",
        uuid=_told(nvml, nvml.nvmlDeviceGetUUID, handle) or "",
        driver=driver,
        cuda=None if (newest := _told(nvml, nvml.nvmlSystemGetCudaDriverVersion_v2)) is None else _version(newest),
        capability=_told(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle),
        tenants=_tenants(nvml, handle),
        total=memory and int(memory.total),
        used=memory and int(memory.used),
        free=memory and int(memory.free),
        temperature=_told(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        utilisation=load and int(load.gpu),
        power=None if power is None else power / 1000,
    )


def _version(number: int) -> tuple[int, int]:
    """12040 is 12.4."""
    return number // 1000, number % 1000 // 10


def _told(nvml: Any, ask: Callable[..., Any], *given: Any) -> Any:
    """An answer of NVML, or None: cards differ in what they tell, and some tell only an administrator."""
    gone = (nvml.NVMLError_GpuIsLost, nvml.NVMLError_Uninitialized)
    try:
        return ask(*given)
    except gone:
        raise
    except nvml.NVMLError:
        return None


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


def available_bytes() -> int:
    """What programs could still have of it without pushing others out; 0 where nothing tells."""
    available = memory_bytes()
    with contextlib.suppress(OSError, ValueError, LookupError):
        told = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        available = min(available, int(told["MemAvailable"].split()[0]) * 1024)
    with contextlib.suppress(OSError, ValueError):
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        available = min(available, max(0, memory_bytes() - used))
    return available
