"""Says which torch this environment has and why, and what it renders on."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import warnings
from pathlib import Path

GET_STARTED = "the 'Get Started' page of pytorch.org"


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA kernel driver is loaded, or its tool is there (WSL has no /proc entry)."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def origin(version: str) -> str:
    """Why it is this torch, as ``tools.install`` noted it."""
    note = Path(sys.prefix) / "acetui-torch-origin"
    if note.exists():
        noted, reason = note.read_text(encoding="utf-8").splitlines()[:2]
        if noted == version:
            return reason
    return "it was put into the environment by hand, and stays"


def describe() -> list[str]:
    """The sentences to print, in order."""
    if importlib.util.find_spec("torch") is None:
        return ["torch is not installed. `make studio` installs it."]
    import torch

    runtime = getattr(torch.version, "cuda", None) or getattr(torch.version, "hip", None)
    kind = "a CPU build" if runtime is None else f"a GPU build (CUDA or ROCm {runtime})"
    lines = [f"torch {torch.__version__}, {kind}: {origin(torch.__version__)}."]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if available:
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            lines.append(f"cuda:{index} is {card.name} with {card.total_memory / 2**30:.0f} GB.")
        return lines
    lines.append(f"It renders on the CPU, with {torch.get_num_threads()} threads.")
    if runtime is None and has_nvidia_driver():
        lines += [
            "There is an NVIDIA driver here, and this build cannot use it. To render on the GPU, take the pip command",
            f"for CUDA from {GET_STARTED}, run it as .venv/bin/pip with --upgrade, then make studio again.",
        ]
    elif runtime is not None and has_nvidia_driver():
        reason = str(caught[0].message).splitlines()[0] if caught else "torch gives no reason"
        lines.append(f"There is an NVIDIA driver here, but torch cannot use it: {reason}.")
    elif runtime is None:
        lines.append("No NVIDIA driver was found, so a CPU build loses nothing.")
    else:
        lines.append("No NVIDIA driver was found.")
    return lines


if __name__ == "__main__":
    print("\n".join(describe()))
