"""Takes as audio files: the formats, and how they are encoded, tagged and written whole (facts: dit.md 9).

The codec library is imported where it is used, so that the engine loads and benchmarks without it.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from engine.audio import CHUNK_FRAMES, RATE, Audio, peak
from engine.errors import InvalidRequest, RenderFailed
from engine.files import atomic_write
from engine.tags import copy_with_tags


@dataclass(frozen=True)
class AudioFormat:
    """One way to store a take. ``bits`` is 16 or 24 for integer samples, 32 for float, None for lossy formats."""

    name: str
    suffix: str
    container: str
    subtype: str
    bits: int | None = None
    settings: Mapping[str, Any] | None = None

    @property
    def lossless(self) -> bool:
        """Whether the samples come back as they went in, but for rounding to ``bits``."""
        return self.bits is not None


# libsndfile's scale of compression runs from 0 (best) to 1 (smallest); the rates are for stereo.
_LAME_V0 = {"compression_level": 0.0, "bitrate_mode": "VARIABLE"}  # about 250 kbit/s
_OPUS_HIGH = {"compression_level": 0.65}  # about 190 kbit/s
_VORBIS_Q7 = {"compression_level": 0.3}  # about 220 kbit/s

FORMATS: dict[str, AudioFormat] = {
    kind.name: kind
    for kind in (
        AudioFormat("flac", ".flac", "FLAC", "PCM_24", bits=24),
        AudioFormat("wav16", ".wav", "WAV", "PCM_16", bits=16),
        AudioFormat("wav24", ".wav", "WAV", "PCM_24", bits=24),
        AudioFormat("wav32", ".wav", "WAV", "FLOAT", bits=32),
        AudioFormat("mp3", ".mp3", "MP3", "MPEG_LAYER_III", settings=_LAME_V0),
        AudioFormat("opus", ".opus", "OGG", "OPUS", settings=_OPUS_HIGH),
        AudioFormat("ogg", ".ogg", "OGG", "VORBIS", settings=_VORBIS_Q7),
    )
}
"""Every format that takes can be written in, by name. All of them carry the tags of ``engine.tags``."""

DEFAULT_FORMAT = "flac"
_ALIASES = {"wav": "wav24"}
_BY_SUFFIX = {
    ".flac": "flac",
    ".wav": "wav24",
    ".wave": "wav24",
    ".mp3": "mp3",
    ".opus": "opus",
    ".ogg": "ogg",
    ".oga": "ogg",
}


def format_named(name: str) -> AudioFormat:
    """The format called ``name``; "wav" means 24 bit. Raises InvalidRequest for a name that is not one."""
    kind = FORMATS.get(_ALIASES.get(name, name))
    if kind is None:
        choices = ", ".join([*FORMATS, *_ALIASES])
        raise InvalidRequest(f"{name!r} is not an audio format.", f"Choose one of {choices}.", field="audio_format")
    return kind


def format_for(path: str | Path) -> AudioFormat:
    """The format that the suffix of ``path`` stands for; ".wav" means 24 bit. Raises InvalidRequest for other ones."""
    name = _BY_SUFFIX.get(Path(path).suffix.lower())
    if name is None:
        raise InvalidRequest(
            f"The name {Path(path).name!r} does not say which audio format is meant.",
            f"Let it end in one of {', '.join(_BY_SUFFIX)}.",
            field="audio_format",
        )
    return FORMATS[name]


def write(
    path: str | Path,
    audio: Audio,
    *,
    format: str,
    tags: Mapping[str, str] | None = None,
    rate: int = RATE,
    overwrite: bool = False,
) -> None:
    """Writes ``audio`` [1 or 2 channels, n] with ``tags`` (see ``engine.tags``) so that ``path`` is whole or not there.

    16 and 24 bit samples are rounded to the nearest step, half to even, and kept within the range: they read back
    within half a step, and +1.0 as the largest step. Raises InvalidRequest for a format or suffix that does not fit and
    for an existing file unless ``overwrite``; RenderFailed for audio that is not finite and for whatever keeps a file
    from being written.
    """
    target, kind = Path(path), format_named(format)
    if format_for(target).suffix != kind.suffix:
        raise InvalidRequest(
            f"{target.name} does not look like {kind.name}.", f"Let it end in {kind.suffix}.", field="audio_format"
        )
    if not math.isfinite(peak(audio)):
        raise RenderFailed("Audio with values that are not numbers cannot be written.", "Render it again.")

    def encode_and_tag(file: BinaryIO) -> None:
        with tempfile.TemporaryFile(dir=target.parent) as untagged:
            _encode(untagged, audio, kind, rate)
            untagged.seek(0)
            copy_with_tags(untagged, file, tags or {})

    atomic_write(target, encode_and_tag, overwrite=overwrite)


def _encode(file: BinaryIO, audio: Audio, kind: AudioFormat, rate: int) -> None:
    """Encodes ``audio`` [channels, n] into ``file``, chunk by chunk. Raises what ``file`` raises, or RenderFailed."""
    import soundfile

    output = _ErrorKeeper(file)
    channels, samples = audio.shape
    try:
        with soundfile.SoundFile(
            output, "w", rate, channels, kind.subtype, format=kind.container, **(kind.settings or {})
        ) as sound:
            for start in range(0, samples, CHUNK_FRAMES):
                sound.write(_as_stored(audio[:, start : start + CHUNK_FRAMES].T, kind.bits))
    except (soundfile.LibsndfileError, AssertionError) as cause:
        output.raise_kept()
        raise RenderFailed(
            f"This audio ({channels} channels, {rate} Hz) could not be encoded as {kind.name}.", "Use flac or wav."
        ) from cause
    output.raise_kept()


def _as_stored(frames: Audio, bits: int | None) -> npt.NDArray[np.generic]:
    """Frames as numbers that libsndfile stores unchanged; its own rounding scales by 2**n - 1 and reads by 2**n."""
    if bits not in (16, 24):
        return frames
    full_scale = 2.0 ** (bits - 1)
    steps: Audio = np.clip(np.rint(frames * np.float32(full_scale)), -full_scale, full_scale - 1)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << 8


class _ErrorKeeper:
    """A file for libsndfile, which loses the exceptions of its callbacks: the first one is kept for ``raise_kept``."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._kept: BaseException | None = None
        self.tell = file.tell

    def write(self, data: bytes) -> int:
        """As the method of files, but without raising."""
        return self._attempt(self._file.write, data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As the method of files, but without raising; it may have to write what is buffered."""
        return self._attempt(self._file.seek, offset, whence)

    def raise_kept(self) -> None:
        """Raises the first failure, if there was one."""
        if self._kept is not None:
            raise self._kept

    def _attempt(self, action: Callable[..., int], *arguments: bytes | int) -> int:
        """What ``action`` returns; 0 from the first failure on, which makes libsndfile stop."""
        if self._kept is None:
            try:
                return action(*arguments)
            except BaseException as failure:
                self._kept = failure
        return 0
