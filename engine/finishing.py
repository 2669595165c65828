"""From clean latents to a take: decoded tile by tile, and brought to its level."""

from __future__ import annotations

import time
from collections.abc import Generator

import torch
from torch import Tensor

from engine import audio as audio_files
from engine.errors import RenderFailed
from engine.events import Progress, Remark
from engine.model import Model
from engine.planner.planning import Planning
from engine.run import Run
from engine.take import Take


class Finisher:
    """Decodes items with a model."""

    def __init__(self, model: Model, planning: Planning) -> None:
        self._model = model
        self._planning = planning

    def finish(
        self, run: Run, index: int, seed: int, latents: Tensor, sampling: float
    ) -> Generator[Progress | Remark, None, Take]:
        """Decodes one item and brings it to its level."""
        request, codes = run.request, run.codes[index]
        hop = self._model.vae.config.hop
        frames = self._model.config.pool_window_size * len(codes) if codes else run.frames
        samples = frames * hop if codes else run.samples
        latents = latents[:frames]
        if not torch.isfinite(latents).all():
            raise RenderFailed(
                "The model gave values that are not numbers.", "Try another seed, or render with --dtype float32."
            )
        began = time.perf_counter()
        latents = latents * request.latent_rescale + request.latent_shift
        pieces: list[Tensor] = []
        done, vae = 0, self._model.vae
        before = vae.tiling
        for piece in vae.decode_tiles(latents.unsqueeze(0).to(self._model.dtype)):
            pieces.append(piece[0].float().cpu())
            done += piece.shape[2] // hop
            yield Progress("decode", done, frames, index)
        if vae.tiling is not None and vae.tiling != before:
            yield Remark(f"Memory ran out while decoding. It goes on in tiles of {vae.tiling.frames} frames.")
        audio = torch.cat(pieces, dim=1)[:, :samples]
        audio_files.check(audio.numpy())
        gain = audio_files.gain_for_peak(
            audio.numpy(), request.normalization_db if request.enable_normalization else None
        )
        decode = time.perf_counter() - began
        return Take(
            audio=audio.mul_(gain),
            latents=latents.cpu(),
            seed=seed,
            request=request.replace(
                seed=seed,
                seeds=(seed,),
                batch_size=1,
                retake_seed=request.retake_seed[index:][:1],
                audio_codes=codes,
                duration=samples / self._model.vae.config.sampling_rate if codes else request.duration,
            ),
            gain=gain,
            timings={**run.timings, "sampling": sampling, "decode": decode},
            identity={**self._model.identity, "lanes": run.lanes},
            layout={"index": index, "size": len(request.seeds), "lanes": run.lanes},
            codes=list(codes) or None,
            plan=self._planning.told(run.plans[index]) if run.plans else None,
        )
