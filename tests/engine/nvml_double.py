"""The driver's library with the cards that a test wants, behind the real binding: C functions, as pynvml calls them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pynvml
import pytest

GB = 2**30


@dataclass
class DoubleCard:
    """What a card tells; None is what it refuses to."""

    name: str = "NVIDIA GeForce RTX 4060"
    uuid: str = "GPU-11aa"
    total: int | None = 8 * GB
    used: int = GB
    temperature: int | None = 41
    load: int | None = 7
    milliwatts: int | None = 20_500
    capability: tuple[int, int] | None = None
    tenants: tuple[tuple[int, int], ...] | None = None
    """Processes and the bytes that each has; None where the driver does not tell."""

    drawing: tuple[tuple[int, int], ...] = ()
    """The same for those that draw."""

    slices: tuple[DoubleCard, ...] | None = None
    """What it is cut into; None where it cannot be."""


@dataclass
class DoubleLibrary:
    """``libnvidia-ml``: every function fills in what it is given and returns a status."""

    cards: list[DoubleCard] = field(default_factory=list)
    driver: str = "570.1"
    cuda: int = 12080
    programs: dict[int, str] = field(default_factory=dict)
    """What processes run."""

    status: int = pynvml.NVML_SUCCESS
    """What every call returns from now on, if it is no success."""

    opened: int = 0

    def nvmlInitWithFlags(self, flags: int) -> int:
        self.opened += not self.status
        return self.status

    def nvmlShutdown(self) -> int:
        self.opened -= 1
        return pynvml.NVML_SUCCESS

    def nvmlErrorString(self, status: int) -> bytes:
        return b"refused"

    def nvmlSystemGetDriverVersion(self, text: Any, size: Any) -> int:
        text.value = self.driver.encode()
        return self.status

    def nvmlSystemGetCudaDriverVersion_v2(self, told: Any) -> int:
        told._obj.value = self.cuda
        return self.status

    def nvmlSystemGetProcessName(self, pid: Any, text: Any, size: Any) -> int:
        if pid.value not in self.programs:
            return int(pynvml.NVML_ERROR_NOT_FOUND)
        text.value = self.programs[pid.value].encode()
        return self.status

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.cards)
        return self.status

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        handle._obj.contents = pynvml.struct_c_nvmlDevice_t()
        self._handles = getattr(self, "_handles", {})
        self._handles[id(handle._obj)] = (handle._obj, self.cards[index.value])
        return self.status

    def nvmlDeviceGetName(self, handle: Any, text: Any, size: Any) -> int:
        text.value = self._card(handle).name.encode()
        return self.status

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, size: Any) -> int:
        text.value = self._card(handle).uuid.encode()
        return self.status

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        card = self._card(handle)
        if card.total is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        memory._obj.total, memory._obj.used, memory._obj.free = card.total, card.used, card.total - card.used
        return self.status

    def nvmlDeviceGetUtilizationRates(self, handle: Any, load: Any) -> int:
        return self._number(load._obj, "gpu", self._card(handle).load)

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: Any, told: Any) -> int:
        return self._number(told._obj, "value", self._card(handle).temperature)

    def nvmlDeviceGetPowerUsage(self, handle: Any, told: Any) -> int:
        return self._number(told._obj, "value", self._card(handle).milliwatts)

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any, major: Any, minor: Any) -> int:
        capability = self._card(handle).capability
        if capability is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        major._obj.value, minor._obj.value = capability
        return self.status

    def nvmlDeviceGetComputeRunningProcesses_v3(self, handle: Any, count: Any, told: Any) -> int:
        return self._processes(self._card(handle).tenants, count, told)

    def nvmlDeviceGetGraphicsRunningProcesses_v3(self, handle: Any, count: Any, told: Any) -> int:
        return self._processes(self._card(handle).drawing, count, told)

    def _processes(self, tenants: tuple[tuple[int, int], ...] | None, count: Any, told: Any) -> int:
        if tenants is None:
            return int(pynvml.NVML_ERROR_NO_PERMISSION)
        if told is None and tenants:
            count._obj.value = len(tenants)
            return int(pynvml.NVML_ERROR_INSUFFICIENT_SIZE)
        count._obj.value = len(tenants)
        for place, (pid, used) in enumerate(tenants):
            told[place].pid, told[place].usedGpuMemory = pid, used
        return self.status

    def nvmlDeviceGetMigMode(self, handle: Any, now: Any, later: Any) -> int:
        if self._card(handle).slices is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        now._obj.value = later._obj.value = int(bool(self._card(handle).slices))
        return self.status

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Any, count: Any) -> int:
        count._obj.value = 7
        return self.status

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: Any, part: Any) -> int:
        slices = self._card(handle).slices or ()
        place = getattr(index, "value", index)
        if place >= len(slices):
            return int(pynvml.NVML_ERROR_NOT_FOUND)
        part._obj.contents = pynvml.struct_c_nvmlDevice_t()
        self._handles[id(part._obj)] = (part._obj, slices[place])
        return self.status

    def _number(self, place: Any, name: str, value: int | None) -> int:
        if value is None:
            return int(pynvml.NVML_ERROR_NO_PERMISSION)
        setattr(place, name, value)
        return self.status

    def _card(self, handle: Any) -> DoubleCard:
        card: DoubleCard = self._handles[id(handle)][1]
        return card


@contextmanager
def library(*cards: DoubleCard) -> Iterator[DoubleLibrary]:
    """The binding with this library in place of the driver's."""
    double = DoubleLibrary(list(cards))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pynvml, "nvmlLib", double)
        patch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        yield double
