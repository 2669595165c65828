"""Peak memory of a piece of work: on CPU in a process of its own, on CUDA from the allocator's own count."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Peak:
    """Bytes resident at most while the work ran, and how many more that is than before it."""

    absolute: int
    growth: int


def peak_of(work: Callable[[], Any]) -> Peak:
    """Runs ``work`` once, here. What was needed before, such as building a model, does not count where Linux lets the
    high-water mark be reset; elsewhere growth may come out too small.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        _RESET.write_text("5")
    before = _status("VmRSS")
    work()
    top = _status("VmHWM")
    return Peak(top, top - before)


def _status(field: str) -> int:
    """A field of ``/proc/self/status`` in bytes; 0 where there is no such file."""
    if not _STATUS.exists():
        return 0
    lines = _STATUS.read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def device_peak_of(work: Callable[[], Any]) -> Peak:
    """The same on CUDA."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    top = torch.cuda.max_memory_allocated()
    return Peak(top, top - before)


def in_child(task: str, **arguments: Any) -> dict[str, Any]:
    """What a task of ``benchmarks.child`` reports, from a process of its own with as many threads as this one."""
    arguments = {"threads": torch.get_num_threads(), **arguments}
    command = [sys.executable, "-m", "benchmarks.child", task, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{task} failed: {done.stderr.strip()[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report
