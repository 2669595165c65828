"""What a figure was measured on: the machine in one block, and how fast it can be at best."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import Clock

_WANTED_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve", "i8mm")
_COMPILERS = ("c++", "g++", "clang++", "cl")


@dataclass(frozen=True)
class Ceilings:
    """Measured limits: matrix products in FLOP a second, and bytes a second read plus written by a copy."""

    float32: float
    bfloat16: float
    copy: float


def describe(device: torch.device) -> dict[str, Any]:
    """Names and numbers of the machine, in the order in which they are printed."""
    found: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "torch": torch.__version__,
        "diffusers": package_version("diffusers"),
        "transformers": package_version("transformers"),
        "processor": _cpu_info("model name") or platform.processor() or platform.machine(),
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "flags": " ".join(_flags()) or "unknown",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "C++ compiler": next((name for name in _COMPILERS if shutil.which(name)), "none"),
    }
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        found["device"] = f"{card.name}, {card.total_memory / 2**30:.1f} GiB, CUDA {torch.version.cuda}"
    if hasattr(os, "getloadavg"):
        found["load"] = f"{os.getloadavg()[0]:.1f} (other work on the same cores disturbs every figure)"
    return found


def package_version(name: str) -> str:
    """The version of an installed package, or ``none``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _cpu_info(field: str) -> str | None:
    """The first value of a field of ``/proc/cpuinfo``; None where there is no such file or field."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), None)


def _flags() -> list[str]:
    """The instruction-set extensions that matter to matrix products."""
    there = set((_cpu_info("flags") or _cpu_info("Features") or "").split())
    return [flag for flag in _WANTED_FLAGS if flag in there]


def measure(device: torch.device, *, quick: bool = False) -> Ceilings:
    """The ceilings of this machine now, each the best of several tries."""
    rows, inner, columns = (512, 512, 512) if quick else (4096, 2048, 6144)
    megabytes = 16 if quick else 512
    if device.type == "cuda" and not quick:
        rows, inner, columns, megabytes = 8192, 8192, 8192, 1024  # a card of 8 GB has room for it twice
    source = torch.zeros(megabytes * 2**18, device=device)
    target = torch.empty_like(source)
    return Ceilings(
        float32=_matrix_rate(device, torch.float32, rows, inner, columns),
        bfloat16=_matrix_rate(device, torch.bfloat16, rows, inner, columns),
        copy=2 * source.nbytes / _best(lambda: target.copy_(source), device),
    )


def _matrix_rate(device: torch.device, dtype: torch.dtype, rows: int, inner: int, columns: int) -> float:
    a, b = torch.randn(rows, inner, device=device).to(dtype), torch.randn(inner, columns, device=device).to(dtype)
    out = torch.empty(rows, columns, device=device, dtype=dtype)
    return 2 * rows * inner * columns / _best(lambda: torch.mm(a, b, out=out), device)


def _best(work: Callable[[], Tensor], device: torch.device) -> float:
    clock = Clock(device)
    clock.seconds(work)
    return min(clock.seconds(work)[0] for _ in range(20 if device.type == "cuda" else 4))


def block(found: dict[str, Any], ceilings: Ceilings) -> str:
    """The machine and its ceilings, one fact a line."""
    lines = [f"{name:>16}  {value}" for name, value in found.items()]
    lines.append(
        f"{'ceilings':>16}  matrix products {ceilings.float32 / 1e9:,.0f} GFLOP/s float32, "
        f"{ceilings.bfloat16 / 1e9:,.0f} bfloat16; copy {ceilings.copy / 1e9:,.1f} GB/s read and written"
    )
    return "\n".join(lines)


def as_dict(found: dict[str, Any], ceilings: Ceilings) -> dict[str, Any]:
    """The same for a JSON file."""
    return {**found, "ceilings": asdict(ceilings)}
