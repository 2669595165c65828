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
from engine.sources.regions import Seams
from engine.sources.work import Work
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
        if run.work is not None and run.work.seams is not None:
            latents = run.work.blended(latents)
            audio, gain = yield from self._in_place(run.work, run.work.seams, latents, index)
        else:
            audio = (yield from self._decoded(latents, (0, frames), index))[:, :samples]
            audio_files.check(audio.numpy())
            gain = audio_files.gain_for_peak(
                audio.numpy(), request.normalization_db if request.enable_normalization else None
            )
            audio.mul_(gain)
        decode = time.perf_counter() - began
        return Take(
            audio=audio,
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
            identity={**run.identity, "lanes": run.lanes},
            layout={"index": index, "size": len(request.seeds), "lanes": run.lanes},
            codes=list(codes) or None,
            plan=self._planning.told(run.plans[index]) if run.plans else None,
        )

    def _in_place(
        self, work: Work, seams: Seams, latents: Tensor, index: int
    ) -> Generator[Progress | Remark, None, tuple[Tensor, float]]:
        """A source with what was made of it in its place, and its gain. Only what is new is decoded.

        Where that is louder than there can be, it alone is brought down.
        """
        grid, gain = work.canvas.grid, work.source.gain
        first = seams.start // grid.hop
        made = yield from self._decoded(latents, (first, grid.frames(seams.stop)), index)
        loudest = audio_files.peak(made.numpy()) * gain
        made.mul_(gain / max(1.0, loudest))
        audio = work.spliced(made, first * grid.hop, seams)
        audio_files.check(audio.numpy())
        return audio, gain

    def _decoded(
        self, latents: Tensor, frames: tuple[int, int], index: int
    ) -> Generator[Progress | Remark, None, Tensor]:
        """The sound ``[2, samples]`` of the frames ``[start, stop)`` of latents ``[T, 64]``, as the VAE gives it."""
        (start, stop), vae = frames, self._model.vae
        hop = vae.config.hop
        audio = torch.empty(vae.config.audio_channels, (stop - start) * hop)
        done, before = 0, vae.tiling
        batch = latents.unsqueeze(0).to(self._model.dtype)
        for piece in vae.decode_tiles(batch, start=start, stop=stop):
            # Into its place at once: pieces that lie about keep the memory between them from being used again.
            audio[:, done * hop : done * hop + piece.shape[2]] = piece[0]
            done += piece.shape[2] // hop
            yield Progress("decode", done, stop - start, index)
        if vae.tiling is not None and vae.tiling != before:
            how = "on the processor, which is slower" if vae.at_home else f"in tiles of {vae.tiling.frames} frames"
            yield Remark(f"Memory ran out while decoding. It goes on {how}.")
        return audio
