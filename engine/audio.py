"""Audio in and out: reading any file as 48 kHz stereo, level and silence, writing takes (facts: dit.md 9).

Audio is a float32 array [channels, samples] with values in [-1, 1]. The codec libraries are imported where they are
used, so that the engine loads and benchmarks without them.
"""

from __future__ import annotations

import math
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from engine.errors import EngineError, InvalidRequest, RenderFailed
from engine.files import atomic_write
from engine.loudness import loudness
from engine.tags import copy_with_tags

__all__ = [
    "DEFAULT_FORMAT",
    "FORMATS",
    "RATE",
    "AudioFormat",
    "atomic_write",
    "check",
    "format_for",
    "format_named",
    "gain_for_peak",
    "is_silent",
    "loudness",
    "peak",
    "peak_db",
    "read",
    "write",
]

Audio = npt.NDArray[np.float32]

RATE = 48_000
"""Samples a second of everything that the model hears and makes."""

_SILENT_INPUT = 1e-6
_SILENT_OUTPUT = 1e-5
_CHUNK_FRAMES = 1 << 15  # libsndfile keeps whole Vorbis and Opus buffers on the stack: small chunks, also for memory


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


def peak(audio: Audio) -> float:
    """The largest absolute sample; 0 for empty audio, and not finite if any sample is not finite."""
    return float(np.maximum(audio.max(initial=0.0), -audio.min(initial=0.0)))


def peak_db(audio: Audio) -> float:
    """The peak in dB below full scale (0 dBFS is 1.0); minus infinity for digital silence."""
    level = peak(audio)
    return 20 * math.log10(level) if level > 0 else -math.inf


def is_silent(audio: Audio) -> bool:
    """Whether an input holds nothing to hear: every sample below 1e-6. References and covers refuse such audio."""
    return peak(audio) < _SILENT_INPUT


def gain_for_peak(audio: Audio, target_db: float | None = -1.0) -> float:
    """The factor that brings the peak of finite ``audio`` to ``target_db`` dBFS, up as well as down.

    Without a target, or with one above 0 dB, it only keeps peaks from passing 1. A peak below 1e-6 is left alone.
    """
    level = peak(audio)
    if level < _SILENT_INPUT:
        return 1.0
    if target_db is None or target_db > 0:
        return 1.0 / max(1.0, level)
    return 10 ** (target_db / 20) / level


def check(audio: Audio) -> None:
    """Raises RenderFailed for a result that is no take: empty, not finite, or silent.

    Silent means that peak and RMS are at most 1e-5; the RMS never passes the peak, so the peak decides.
    """
    level = peak(audio)
    if not math.isfinite(level):
        raise RenderFailed(
            "The render holds values that are not numbers.",
            "Try another seed; if it happens again, render with --dtype float32, or download the model again.",
        )
    if level <= _SILENT_OUTPUT:
        raise RenderFailed(
            "The render is silent.",
            "Try another seed; if it happens again, change the caption, or download the model again.",
        )


def read(path: str | Path, *, rate: int = RATE, longest: float | None = None) -> Audio:
    """An audio file as float32 [2, n] in [-1, 1] at ``rate`` Hz, in any format that libsndfile knows.

    Mono is doubled; of more than two channels the first two are taken. Raises EngineError for a file that is missing,
    unreadable, empty, broken off, no audio or above ``longest`` seconds. WAV, AIFF and Ogg files that were cut short
    are read as far as they go: nothing in them tells that from a recording that was stopped.
    """
    source = Path(path)
    frames, file_rate = _decode(source, longest)
    if not len(frames):
        raise EngineError(f"{source} holds no sound.", "Choose another file.")
    if not math.isfinite(peak(frames)):
        raise EngineError(f"{source} holds values that are not numbers.", "Export it again from where it was made.")
    stereo = frames if frames.shape[1] > 1 else np.repeat(frames, 2, axis=1)
    if file_rate != rate:
        import soxr

        stereo = soxr.resample(stereo, file_rate, rate, quality="VHQ")
    return np.clip(np.ascontiguousarray(stereo.T), -1.0, 1.0)


def _decode(source: Path, longest: float | None) -> tuple[Audio, int]:
    """All frames of a file as [n, 1 or 2], and its sample rate."""
    import soundfile

    try:
        if not stat.S_ISREG(os.stat(source).st_mode) and not source.is_dir():  # opening a pipe would wait for ever
            raise EngineError(f"{source} is not an ordinary file.", "Name an audio file.")
        with open(source, "rb") as file:
            if not file.read(1):
                raise EngineError(f"{source} is empty.", "Choose another file.")
            file.seek(0)
            with soundfile.SoundFile(file) as sound:
                promised, rate = int(sound.frames), int(sound.samplerate)
                if longest is not None and promised > longest * rate:
                    raise EngineError(
                        f"{source} is {promised / rate:.0f} seconds long, and {longest:g} is the most.",
                        "Cut a piece out of it.",
                    )
                frames = _pair(sound)
    except OSError as cause:
        raise _unreadable(source, cause) from cause
    except soundfile.LibsndfileError as cause:
        raise EngineError(
            f"{source} is not audio, or it is damaged.",
            "Use FLAC, WAV, AIFF, MP3, Ogg or Opus; other formats can be converted with ffmpeg.",
        ) from cause
    # An MP3 may promise a few frames more than it has, because its length is an estimate; a second more is a torn file.
    if promised - len(frames) > rate:
        raise EngineError(
            f"{source} breaks off after {len(frames) / rate:.1f} of {promised / rate:.1f} seconds.",
            "Copy or download it again.",
        )
    return frames, rate


def _pair(sound: Any) -> Audio:
    """What an open file holds, of its channels the first two; piece by piece, because there may be many channels."""
    pieces = [np.zeros((0, min(2, sound.channels)), dtype=np.float32)]
    while len(piece := sound.read(_CHUNK_FRAMES, dtype="float32", always_2d=True)):
        pieces.append(piece[:, :2].copy())
    return np.concatenate(pieces)


def _unreadable(source: Path, cause: OSError) -> EngineError:
    """Why a file could not be opened, as a sentence and a hint."""
    if isinstance(cause, FileNotFoundError):
        return EngineError(f"There is no file {source}.", "Check the name and the folder.")
    if isinstance(cause, IsADirectoryError):
        return EngineError(f"{source} is a folder.", "Name an audio file in it.")
    reason = cause.strerror or type(cause).__name__
    return EngineError(f"{source} could not be read ({reason}).", "Check that you may read it.")


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
            for start in range(0, samples, _CHUNK_FRAMES):
                sound.write(_as_stored(audio[:, start : start + _CHUNK_FRAMES].T, kind.bits))
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
