"""Audio that comes in: any file as 48 kHz stereo; level and silence, whichever way it goes (facts: dit.md 9).

Audio is a float32 array [channels, samples] with values in [-1, 1]. The codec libraries are imported where they are
used, so that the engine loads and benchmarks without them; ``engine.encoding`` writes.
"""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import EngineError, RenderFailed

Audio = npt.NDArray[np.float32]

RATE = 48_000
"""Samples a second of everything that the model hears and makes."""

_SILENT_INPUT = 1e-6
_SILENT_OUTPUT = 1e-5
CHUNK_FRAMES = 1 << 15
"""libsndfile keeps whole Vorbis and Opus buffers on the stack: small chunks, also for memory."""


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
    while len(piece := sound.read(CHUNK_FRAMES, dtype="float32", always_2d=True)):
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
