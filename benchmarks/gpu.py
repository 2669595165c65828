"""A CUDA device: random weights of the official size made in its memory, and the grid of lengths and batches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from benchmarks import targets
from benchmarks.arithmetic import dit_step
from benchmarks.bench import DTYPES, Bench
from benchmarks.dit import FRAMES_A_SECOND
from benchmarks.loops import PROMPT_TOKENS, STEPS, Inputs, our_sampling, peer_sampling
from benchmarks.memory import device_peak_of
from benchmarks.peers import have_diffusers, peer_dit, peer_vae, random_dit, random_vae, vae_as
from benchmarks.rows import Area, Row
from benchmarks.vae import decode, latents_of, peer_decode
from engine.config import DiTConfig, VAEConfig
from engine.models.dit import DiT
from engine.models.vae import VAE


@dataclass(frozen=True)
class Sizes:
    """What to run: the point that others have published first, then the grid."""

    dit: DiTConfig = field(default_factory=lambda: DiTConfig(is_turbo=True, model_version="turbo"))
    vae: VAEConfig = field(default_factory=VAEConfig)
    known: float = targets.GPU_SECONDS
    known_batches: tuple[int, ...] = (1, 8)
    seconds: tuple[float, ...] = (30, targets.GPU_SECONDS, 120, 240, 600)
    batches: tuple[int, ...] = (1, 2, 4, 8)
    dtype: str = "bf16"
    prompt: int = PROMPT_TOKENS


def run(bench: Bench, sizes: Sizes, matrix_rate: float) -> list[Area]:
    """All tables: what is promised first, so that it is there even if time runs out."""
    bench.say("making full-size weights on the device")
    dit = random_dit(sizes.dit, bench.device, DTYPES[sizes.dtype])
    vae = vae_as(random_vae(sizes.vae, bench.device, torch.float32), DTYPES[sizes.dtype])
    beside = have_diffusers() and _has_room(bench, dit)
    dit_peer = peer_dit(dit) if beside else None
    vae_peer = peer_vae(vae) if beside else None
    areas = [
        _known(bench, sizes, dit, dit_peer, matrix_rate),
        _decoding(bench, sizes, vae, vae_peer),
        _memory(bench, sizes, dit, dit_peer, vae, vae_peer),
        _grid(bench, sizes, dit, dit_peer, matrix_rate),
    ]
    if dit_peer is None:
        why = "This card has no room for a second model" if have_diffusers() else "diffusers is not installed"
        areas[0].notes.append(f"{why}: there is no peer beside these figures.")
    return areas


def _has_room(bench: Bench, dit: DiT) -> bool:
    """Whether the same weights fit on the device once more, with what both compute beside them."""
    if bench.device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(bench.device)
    return free > sum(each.nbytes for each in dit.parameters()) + 3 * 2**30


def _inputs(bench: Bench, sizes: Sizes, seconds: float, batch: int) -> Inputs:
    inputs = Inputs.random(sizes.dit, round(seconds * FRAMES_A_SECOND), batch, bench.device, sizes.prompt)
    return inputs.to(DTYPES[sizes.dtype])


def _flops(sizes: Sizes, seconds: float, batch: int) -> float:
    """Of a whole sampling."""
    return STEPS * batch * dit_step(sizes.dit, round(seconds * FRAMES_A_SECOND), sizes.prompt)


def _known(bench: Bench, sizes: Sizes, dit: DiT, peer: Any, matrix_rate: float) -> Area:
    area = Area(f"DiT, full size, {sizes.known:g} s of audio, {STEPS} steps, {sizes.dtype}")
    for batch in sizes.known_batches:
        inputs = _inputs(bench, sizes, sizes.known, batch)
        found = bench.race(
            area,
            f"batch {batch}",
            partial(our_sampling, dit, inputs),
            partial(peer_sampling, peer, inputs) if peer else None,
            seconds=15,
            target=targets.GPU_DIT if batch == 1 else None,
        )
        if found is None:
            continue
        flops = _flops(sizes, sizes.known, batch)
        peer_rate = flops / found.peer_seconds if found.peer_seconds else None
        area.rows.append(Row(f"batch {batch}, achieved", flops / found.our_seconds, peer_rate, "FLOP/s"))
        area.rows.append(
            Row(
                f"batch {batch}, share of the matrix rate",
                100 * flops / found.our_seconds / matrix_rate,
                100 * peer_rate / matrix_rate if peer_rate else None,
                "%",
                target=targets.GPU_SHARE if batch == 8 else None,
            )
        )
    area.notes.append(f"The matrix rate is this device's own, measured above: {matrix_rate / 1e12:.0f} TFLOP/s.")
    area.notes.append("Published, on an RTX PRO 6000 Blackwell: reference 313 ms, GGML 311; VAE about 275 and 425-458.")
    return area


def _decoding(bench: Bench, sizes: Sizes, vae: VAE, peer: Any) -> Area:
    area = Area(f"VAE decode, full size, {sizes.dtype}")
    for seconds in sorted({sizes.known, *sizes.seconds}, key=lambda length: length != sizes.known):
        latents = _latents(bench, sizes, seconds)
        bench.race(
            area,
            f"{seconds:g} s",
            partial(decode, vae, latents),
            partial(peer_decode, peer, latents) if peer else None,
            seconds=8,
            target=targets.GPU_VAE if seconds == targets.GPU_SECONDS else None,
        )
    return area


def _latents(bench: Bench, sizes: Sizes, seconds: float) -> torch.Tensor:
    return latents_of(sizes.vae, round(seconds * FRAMES_A_SECOND), bench.device).to(DTYPES[sizes.dtype])


def _memory(bench: Bench, sizes: Sizes, dit: DiT, dit_peer: Any, vae: VAE, vae_peer: Any) -> Area:
    """Growth over the weights, which are on the device for both sides."""
    area = Area(f"Device memory at its peak beyond the weights, {sizes.known:g} s")
    if bench.device.type != "cuda" or bench.budget.over:
        return area
    for batch in sizes.known_batches:
        inputs = _inputs(bench, sizes, sizes.known, batch)
        ours = device_peak_of(partial(our_sampling, dit, inputs))
        peer = device_peak_of(partial(peer_sampling, dit_peer, inputs)) if dit_peer else None
        area.rows.append(Row(f"DiT, batch {batch}", ours.growth, peer.growth if peer else None, "bytes"))
    latents = _latents(bench, sizes, sizes.known)
    ours = device_peak_of(partial(decode, vae, latents))
    peer = device_peak_of(partial(peer_decode, vae_peer, latents)) if vae_peer else None
    area.rows.append(Row("VAE decode", ours.growth, peer.growth if peer else None, "bytes", target=targets.VAE_MEMORY))
    return area


def _grid(bench: Bench, sizes: Sizes, dit: DiT, peer: Any, matrix_rate: float) -> Area:
    area = Area(f"DiT, full size, {STEPS} steps, {sizes.dtype}: the grid")
    for seconds in sizes.seconds:
        for batch in sizes.batches:
            inputs = _inputs(bench, sizes, seconds, batch)
            found = bench.race(
                area,
                f"{seconds:g} s, batch {batch}",
                partial(our_sampling, dit, inputs),
                partial(peer_sampling, peer, inputs) if peer else None,
                seconds=6,
            )
            if found:
                rate = _flops(sizes, seconds, batch) / found.our_seconds
                note = f"{rate / 1e12:.0f} TFLOP/s, {100 * rate / matrix_rate:.0f} % of the matrix rate"
                area.rows[-1] = replace(area.rows[-1], note=f"{area.rows[-1].note}, {note}")
    return area
