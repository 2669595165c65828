"""What has to run in a process of its own, because memory or a cold start is measured: prints one JSON object."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_WARM_FRAMES = 4


def vae_memory(side: str, dtype: str, frames: int, config: dict[str, Any]) -> dict[str, Any]:
    """Peak memory of one decode by ``ours`` or by ``peer``."""
    from benchmarks.bench import DTYPES
    from benchmarks.peers import peer_vae, random_vae, vae_as
    from benchmarks.vae import decode, latents_of, peer_decode
    from engine.config import VAEConfig

    exact = random_vae(VAEConfig.from_dict(config), torch.device("cpu"), torch.float32)
    latents = latents_of(exact.config, frames, torch.device("cpu")).to(DTYPES[dtype])
    if side == "ours":
        vae = vae_as(exact, DTYPES[dtype])
        del exact
        return _decode_peak(partial(decode, vae), latents)
    peer = peer_vae(exact).to(DTYPES[dtype])
    del exact
    return _decode_peak(partial(peer_decode, peer), latents)


def _decode_peak(work: Callable[[Tensor], Tensor], latents: Tensor) -> dict[str, Any]:
    """Peak memory once warm: in its first call the peer lets go of weights that the cast left behind."""
    from benchmarks.memory import peak_of

    work(latents[:, :_WARM_FRAMES])
    return asdict(peak_of(partial(work, latents)))


def load(folder: str) -> dict[str, Any]:
    """Seconds and memory of loading our engine from a warm page cache, and of reading the same files once."""
    import engine.pipeline  # what is imported here is not part of loading
    from benchmarks.memory import peak_of

    files = sorted(Path(folder).rglob("*.safetensors"))
    _read(files)
    began = time.perf_counter()
    _read(files)
    reading = time.perf_counter() - began
    engine.pipeline.Engine.load(folder, device="cpu", dtype="float32")
    kept: list[Any] = []
    began = time.perf_counter()
    peak = peak_of(lambda: kept.append(engine.pipeline.Engine.load(folder, device="cpu", dtype="float32")))
    return {
        "loading": time.perf_counter() - began,
        "reading": reading,
        "weights": sum(file.stat().st_size for file in files),
        **asdict(peak),
    }


def _read(files: list[Path]) -> None:
    """Reads every file once, each into memory of its own."""
    for path in files:
        with path.open("rb", buffering=0) as file:
            fresh: Any = torch.empty(path.stat().st_size, dtype=torch.uint8).numpy()
            rest = memoryview(fresh)
            while read := file.readinto(rest):
                rest = rest[read:]


def first_render(side: str, folder: str, seconds: float, dtype: str) -> dict[str, Any]:
    """Seconds of import and load, of the first render and of the second, and the peak of memory from the first on."""
    from benchmarks.memory import peak_of

    began = time.perf_counter()
    from benchmarks.render import OURS, PEER

    renderer = (OURS if side == "ours" else PEER)(Path(folder), seconds, dtype)
    loaded = time.perf_counter()
    peak = peak_of(renderer.fresh)
    first = time.perf_counter()
    renderer.fresh()
    return {
        "load": loaded - began,
        "first": first - loaded,
        "second": time.perf_counter() - first,
        **asdict(peak),
    }


_TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "vae_memory": vae_memory,
    "load": load,
    "first_render": first_render,
}


def main() -> None:
    """Reads the task and its arguments from the command line."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(arguments.pop("threads"))
    print(json.dumps(_TASKS[name](**arguments)))


if __name__ == "__main__":
    main()
