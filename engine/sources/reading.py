"""Sources from files: audio that is encoded, or a take's own latents, which are taken as they are."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Generator, Hashable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine import audio as audio_files
from engine.errors import EngineError, InvalidRequest
from engine.events import Progress, Remark
from engine.file_names import GAIN, LATENTS_SUFFIX, SAMPLES
from engine.keeping import Kept
from engine.model import Model
from engine.request import Request
from engine.sources.regions import Grid
from engine.sources.source import Source, joined
from engine.values import SHORTEST_SECONDS, TRAINED_SECONDS

_KEPT = 2
"""Sources kept: the one that the loop works on, and another."""

_LEVEL_FRAMES = 50
"""So much of a take is decoded to find its level, where nothing says what it is."""

_STEPS = 2.0**23
"""Of a 24 bit sample. What is decoded from latents again is rounded to them, as the audio of a take is stored."""

Reading = Generator[Progress | Remark, None, Source]


class Reader:
    """Reads sources for a model, and remembers the last few."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._kept: Kept[Hashable, Source] = Kept(_KEPT)
        self.encoded = 0
        """How many files were really encoded."""

    @property
    def grid(self) -> Grid:
        """The model's samples and frames."""
        return Grid(self._model.vae.config.sampling_rate, self._model.vae.config.hop)

    def source(self, request: Request) -> Reading:
        """What a request works on, joined with what is to follow it. Raises InvalidRequest for what is no source."""
        with _about("src_audio"):
            source = yield from self._one(request.src_audio or "", request.src_latents)
        if request.next_audio:
            with _about("next_audio"):
                following = yield from self._one(request.next_audio, request.next_latents)
            silence = self._model.silence[0].float().cpu()
            source = joined(source, following, request.next_gap, silence, self.grid)
            _check_length(source.samples / self.grid.rate, "What is joined")
        return source

    def clip(self, name: str) -> tuple[Tensor, Hashable]:
        """The audio of a reference, and its key. Raises InvalidRequest."""
        with _about("reference_audio"):
            path = _file(name)
            audio = audio_files.read(path, rate=self.grid.rate, longest=TRAINED_SECONDS[1])
            _check_sound(audio, str(path), self.grid.rate)
        return torch.from_numpy(audio), _state(path)

    def _one(self, name: str, latents: str | None) -> Reading:
        path = _file(name)
        beside = _file(latents) if latents else None
        key = (_state(path), _state(beside) if beside else None)
        known = self._kept.peek(key)
        source = known if known is not None else (yield from self._read(path, beside, key))
        return self._kept.get(key, lambda: source)

    def _read(self, path: Path, beside: Path | None, key: Hashable) -> Reading:
        if path.suffix == LATENTS_SUFFIX:
            return (yield from self._decoded(path, key))
        audio = audio_files.read(path, rate=self.grid.rate, longest=TRAINED_SECONDS[1])
        _check_sound(audio, str(path), self.grid.rate)
        return (yield from self._with_latents(torch.from_numpy(audio), beside, key))

    def _with_latents(self, audio: Tensor, beside: Path | None, key: Hashable) -> Reading:
        if beside is not None:
            latents, gain, _ = self._latents(beside)
            if latents.shape[0] == self.grid.frames(audio.shape[1]):
                return Source(audio, latents, self._level(latents, audio) if gain is None else gain, key)
            yield Remark(f"{beside.name} does not fit the audio that it was given for, which is encoded again.")
        return Source(audio, (yield from self._encoded(audio)), 1.0, key)

    def _encoded(self, audio: Tensor) -> Generator[Progress, None, Tensor]:
        """The mean latents ``[T, 64]`` of audio; its last incomplete frame is filled with silence."""
        frames = self.grid.frames(audio.shape[1])
        padded = torch.nn.functional.pad(audio, (0, frames * self.grid.hop - audio.shape[1]))
        pieces, done = [], 0
        for piece in self._model.vae.encode_tiles(padded.unsqueeze(0).to(self._model.device, self._model.dtype)):
            mean, _ = piece[0].float().cpu().chunk(2, dim=1)
            pieces.append(mean)
            done += mean.shape[0]
            yield Progress("conditions", done, frames + 1)
        self.encoded += 1
        return torch.cat(pieces)

    def _latents(self, path: Path) -> tuple[Tensor, float | None, int]:
        """The latents in a file, their gain if it is told, and how many samples they stand for. Raises InvalidRequest
        for a file that has none.
        """
        from safetensors import SafetensorError, safe_open

        channels = self._model.config.audio_acoustic_hidden_dim
        try:
            with safe_open(path, "np") as file:
                found, told = file.get_tensor("latents"), file.metadata() or {}
                gain = float(told[GAIN]) if GAIN in told else None
                samples = int(told.get(SAMPLES, 0))
        except (SafetensorError, OSError, ValueError) as cause:
            raise InvalidRequest(f"{path} holds no latents.", "Name the latents of a take, or its audio.") from cause
        latents = torch.from_numpy(np.asarray(found, dtype=np.float32))
        if latents.dim() != 2 or latents.shape[1] != channels or not latents.isfinite().all():
            raise InvalidRequest(f"{path} holds latents of another model.", "Name the audio itself.")
        _check_length(latents.shape[0] * self.grid.hop / self.grid.rate, str(path))
        if self.grid.frames(samples) != latents.shape[0]:
            samples = latents.shape[0] * self.grid.hop
        return latents, gain if gain is None or (math.isfinite(gain) and gain > 0) else None, samples

    def _decoded(self, path: Path, key: Hashable) -> Reading:
        """A take of which there is no audio any more."""
        latents, gain, samples = self._latents(path)
        pieces, done = [], 0
        for piece in self._model.vae.decode_tiles(self._batch(latents)):
            pieces.append(piece[0].float().cpu())
            done += piece.shape[2] // self.grid.hop
            yield Progress("conditions", done, latents.shape[0] + 1)
        audio = torch.cat(pieces, dim=1)[:, :samples]
        level = audio_files.gain_for_peak(audio.numpy()) if gain is None else gain
        audio.mul_(level)
        stored = ((audio * _STEPS).round() / _STEPS).clamp(-1, 1)
        _check_sound(stored.numpy(), str(path), self.grid.rate)
        return Source(stored, latents, level, key, decoded=audio)

    def _level(self, latents: Tensor, audio: Tensor) -> float:
        """The gain of a take that does not tell it: of its loudest stretch, the audio beside what latents decode to."""
        grid = self.grid
        padded = torch.nn.functional.pad(audio, (0, latents.shape[0] * grid.hop - audio.shape[1]))
        loudest = int(padded.view(padded.shape[0], -1, grid.hop).square().sum((0, 2)).argmax())
        start = max(0, min(loudest - _LEVEL_FRAMES // 2, latents.shape[0] - _LEVEL_FRAMES))
        stop = min(start + _LEVEL_FRAMES, latents.shape[0])
        tiles = self._model.vae.decode_tiles(self._batch(latents), start=start, stop=stop)
        heard = torch.cat([tile[0].float().cpu() for tile in tiles], dim=1)
        stored = padded[:, start * grid.hop : stop * grid.hop]
        level = float((heard * stored).sum() / heard.square().sum().clamp(min=1e-12))
        return level if level > 0 else 1.0

    def _batch(self, latents: Tensor) -> Tensor:
        return latents.unsqueeze(0).to(self._model.device, self._model.dtype)


@contextlib.contextmanager
def _about(field: str) -> Generator[None, None, None]:
    """Failures to read are the request's: they name its field."""
    try:
        yield
    except EngineError as error:
        raise InvalidRequest(error.error, error.hint, field=error.field or field) from error


def _file(name: str) -> Path:
    """The file that a request names; there or not."""
    try:
        return Path(name).expanduser()
    except RuntimeError:  # "~somebody", whom nobody knows
        return Path(name)


def _state(path: Path) -> Hashable:
    """What changes when a file does; for one that is not there, what reading it will complain of."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return str(path)
    return str(path.absolute()), status.st_ino, status.st_size, status.st_mtime_ns


def _check_sound(audio: Any, name: str, rate: int) -> None:
    """Raises InvalidRequest for audio that is too short to work on, or has nothing in it."""
    seconds = audio.shape[1] / rate
    if seconds < SHORTEST_SECONDS:
        raise InvalidRequest(
            f"{name} is {seconds:.3g} seconds long, and {SHORTEST_SECONDS:g} is the least.", "Choose a longer one."
        )
    if audio_files.is_silent(audio):
        raise InvalidRequest(f"There is nothing to hear in {name}.", "Choose audio with sound in it.")


def _check_length(seconds: float, name: str) -> None:
    longest = TRAINED_SECONDS[1]
    if seconds > longest:
        raise InvalidRequest(f"{name} is {seconds:.0f} seconds long, and {longest:g} is the most.", "Use less of it.")
