"""The VAE at its real size: decoding and encoding, whether time is linear in length, exactness, and peak memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmarks import targets
from benchmarks.bench import DTYPES, Bench, rms_error
from benchmarks.memory import in_child
from benchmarks.peers import have_diffusers, peer_as, peer_vae, random_vae, vae_as
from benchmarks.rows import Area, Row, Target
from engine.config import VAEConfig
from engine.models.vae import VAE


@dataclass(frozen=True)
class Sizes:
    """What to run; lengths are seconds of audio."""

    config: VAEConfig = field(default_factory=VAEConfig)
    decode: tuple[float, ...] = (10, 20, 30)
    encode: tuple[float, ...] = (4,)
    memory: tuple[tuple[str, float], ...] = (("bf16", 30), ("fp32", 10))
    warm: float = 2

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        config = VAEConfig(decoder_channels=8, channel_multiples=(1, 1, 1, 2, 2))
        return cls(config, (0.4, 0.8), (0.4,), (("fp32", 0.4),), 0.2)


def latents_of(config: VAEConfig, frames: int, device: torch.device) -> Tensor:
    """Random latents ``[1, frames, 64]``, float32."""
    generator = torch.Generator().manual_seed(frames)
    return torch.randn(1, frames, config.decoder_input_channels, generator=generator).to(device)


def audio_of(config: VAEConfig, samples: int, device: torch.device) -> Tensor:
    """Noise at the level of music ``[1, channels, samples]``, float32."""
    generator = torch.Generator().manual_seed(samples)
    return torch.randn(1, config.audio_channels, samples, generator=generator).mul(0.2).to(device)


@torch.no_grad()
def decode(vae: VAE, latents: Tensor) -> Tensor:
    """Ours: ``[1, T, 64]`` to ``[1, channels, samples]``."""
    return vae.decode(latents)


@torch.no_grad()
def peer_decode(peer: Any, latents: Tensor) -> Tensor:
    """Diffusers' own tiled decode."""
    sample: Tensor = peer.decode(latents.transpose(1, 2)).sample
    return sample


@torch.no_grad()
def encode(vae: VAE, audio: Tensor) -> Tensor:
    """Ours: the mean latents ``[1, T, 64]``."""
    return vae.encode(audio)


@torch.no_grad()
def peer_encode(peer: Any, audio: Tensor) -> Tensor:
    """Diffusers' mean latents ``[1, T, 64]``."""
    mode: Tensor = peer.encode(audio).latent_dist.mode()
    return mode.transpose(1, 2)


# Seconds that a race is given for a second of audio: two counted pairs in bfloat16, one in float32.
_GIVEN = {"bf16": 3.4, "fp32": 3.5}


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """All tables of this area."""
    decoding = Area(f"VAE decode, real size ({_parameters(sizes)} M parameters); peer: tiles of 512 frames, 64 shared")
    encoding = Area("VAE encode")
    exact = Area("VAE in bfloat16: rms error against the peer in float32, of its rms")
    outputs: dict[tuple[str, float], tuple[Tensor, Tensor]] = {}
    ours = random_vae(sizes.config, bench.device, torch.float32)
    peer = peer_vae(ours) if have_diffusers() else None
    for dtype in bench.dtypes:
        pair = (vae_as(ours, DTYPES[dtype]), peer_as(peer, DTYPES[dtype]) if peer else None)
        _warm(bench, sizes, *pair, dtype)
        taken = []
        for seconds in sizes.decode:
            outputs |= _decode(bench, decoding, sizes, *pair, dtype, seconds)
            taken.append(decoding.rows[-1])
        _linearity(decoding, sizes.decode, taken, dtype)
        for seconds in sizes.encode:
            _encode(bench, encoding, sizes, *pair, dtype, seconds)
    _exactness(exact, sizes, outputs)
    return [decoding, exact, encoding, _memory(bench, sizes)]


def _parameters(sizes: Sizes) -> str:
    with torch.device("meta"):
        return f"{sum(p.numel() for p in VAE(sizes.config).parameters()) / 1e6:.0f}"


def _frames(config: VAEConfig, seconds: float) -> int:
    return round(seconds * config.frame_rate)


def _warm(bench: Bench, sizes: Sizes, ours: VAE, peer: Any, dtype: str) -> None:
    """A short stretch through both: afterwards a long one costs what it will always cost."""
    latents = latents_of(sizes.config, _frames(sizes.config, sizes.warm), bench.device).to(DTYPES[dtype])
    decode(ours, latents)
    if peer:
        peer_decode(peer, latents)


def _decode(
    bench: Bench, area: Area, sizes: Sizes, ours: VAE, peer: Any, dtype: str, seconds: float
) -> dict[tuple[str, float], tuple[Tensor, Tensor]]:
    latents = latents_of(sizes.config, _frames(sizes.config, seconds), bench.device).to(DTYPES[dtype])
    found = bench.race(
        area,
        f"{seconds:g} s {dtype}",
        lambda: decode(ours, latents),
        (lambda: peer_decode(peer, latents)) if peer else None,
        seconds=_GIVEN[dtype] * seconds,
        target=targets.VAE_DECODE,
        warmed=True,
    )
    return {(dtype, seconds): (found.our_output, found.peer_output)} if found and found.peer else {}


def _encode(bench: Bench, area: Area, sizes: Sizes, ours: VAE, peer: Any, dtype: str, seconds: float) -> None:
    audio = audio_of(sizes.config, _frames(sizes.config, seconds) * sizes.config.hop, bench.device).to(DTYPES[dtype])
    bench.race(
        area,
        f"{seconds:g} s {dtype}",
        lambda: encode(ours, audio),
        (lambda: peer_encode(peer, audio)) if peer else None,
        seconds=2 * _GIVEN[dtype] * seconds,
    )


def _linearity(area: Area, lengths: tuple[float, ...], rows: list[Row], dtype: str) -> None:
    """A line with the seconds that a second of audio costs, by length."""
    for side in ("ours", "peer"):
        costs = [(length, getattr(row, side)) for length, row in zip(lengths, rows, strict=True)]
        told = [f"{length:g} s {taken / length:.3f}" for length, taken in costs if taken]
        if told:
            area.notes.append(f"seconds for a second of audio, {dtype}, {side}: {', '.join(told)}")


def _exactness(area: Area, sizes: Sizes, outputs: dict[tuple[str, float], tuple[Tensor, Tensor]]) -> None:
    for seconds in sizes.decode:
        rounded, exact = outputs.get(("bf16", seconds)), outputs.get(("fp32", seconds))
        if rounded and exact:
            ours, peer = (100 * rms_error(each, exact[1]) for each in rounded)
            area.rows.append(Row(f"{seconds:g} s", ours, peer, unit="%"))


def _memory(bench: Bench, sizes: Sizes) -> Area:
    """Each side in a process of its own."""
    area = Area("VAE decode: resident memory at its peak")
    for dtype, seconds in sizes.memory:
        if dtype not in bench.dtypes or bench.budget.over:
            continue
        bench.say(f"peak memory, {seconds:g} s {dtype}")
        frames = _frames(sizes.config, seconds)
        sides = ("ours", "peer") if have_diffusers() else ("ours",)
        reports = [
            in_child("vae_memory", side=side, dtype=dtype, frames=frames, config=asdict(sizes.config)) for side in sides
        ]
        area.rows.append(_memory_row(f"{seconds:g} s {dtype}, more than before", "growth", reports, targets.VAE_MEMORY))
        area.rows.append(_memory_row(f"{seconds:g} s {dtype}, all of the process", "absolute", reports))
    return area


def _memory_row(what: str, key: str, reports: list[dict[str, Any]], target: Target | None = None) -> Row:
    values = [float(report[key]) for report in reports]
    return Row(what, values[0], values[1] if len(values) > 1 else None, "bytes", target=target)
