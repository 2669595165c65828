"""How close a codec's copy comes to the original, beside an MP3 of the same audio as a yardstick that everyone knows.

All audio is float [channels, samples] at 48 kHz.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.audio import RATE
from engine.scoring.spectra import Float, magnitudes

Audio = npt.NDArray[np.floating]

STFT_SIZES = (512, 1024, 2048)
"""Window lengths of the distance in samples at 48 kHz (11 to 43 ms); every hop is a quarter of its window."""

FLOOR = 1e-4
"""What the logarithm hears no lower than: -80 dB below a sine at full scale."""

_MP3_RANGE = (32, 320)  # kbit/s; libsndfile divides this range evenly, from compression level 1 down to 0
_MOST_SHIFT = 4096  # samples; LAME's and the decoder's delay together are below 2400
_ENERGY = 1e-12


@dataclass(frozen=True)
class StftDistance:
    """A multi-resolution STFT distance: 0 is identical."""

    spectral_convergence: float
    """||A| - |B|| / ||A||, Frobenius norms: relative to ``a``, and dominated by what is loud."""

    log_magnitude: float
    """Mean of |log|A| - log|B||, natural logarithms (1 is 8.7 dB), magnitudes below ``FLOOR`` raised to it."""

    @property
    def total(self) -> float:
        """The sum, as the loss is used for training."""
        return self.spectral_convergence + self.log_magnitude


@dataclass(frozen=True)
class Copy:
    """A coded copy, as long as its original and in time with it."""

    audio: Float
    kbps: float
    """Kilobits a second that the coded form really took."""


@dataclass(frozen=True)
class CodecRow:
    """What one kind of copy scores: means over the songs."""

    name: str
    spectral_convergence: float
    log_magnitude: float
    stft: float
    si_sdr_db: float
    kbps: float


def stft_distance(a: Audio, b: Audio) -> StftDistance:
    """How far ``b`` is from ``a``, both [channels, n] or [n]: means over channels and ``STFT_SIZES``.

    Yamamoto, Song and Kim, "Parallel WaveGAN", 2020, equations 4 to 6, with a floor below what can be heard. Where
    ``a`` is silent its norm counts as the floor's. Raises ValueError for shapes that differ.
    """
    _check_alike(a, b)
    convergence, logs = [], []
    for size in STFT_SIZES:
        for one, other in zip(np.atleast_2d(a), np.atleast_2d(b), strict=True):
            first = magnitudes(one.astype(np.float32), size, size // 4)
            second = magnitudes(other.astype(np.float32), size, size // 4)
            least = FLOOR * np.sqrt(first.size)
            convergence.append(float(np.linalg.norm(first - second) / max(float(np.linalg.norm(first)), least)))
            ratio = np.log(np.maximum(first, FLOOR)) - np.log(np.maximum(second, FLOOR))
            logs.append(float(np.abs(ratio).mean()))
    return StftDistance(float(np.mean(convergence)), float(np.mean(logs)))


def si_sdr(reference: Audio, estimate: Audio) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, the mean over channels; at most 120, at least -120.

    Le Roux et al., "SDR - half-baked or well done?", 2019, without taking the mean away. Both are [channels, n] or
    [n]; raises ValueError for shapes that differ.
    """
    _check_alike(reference, estimate)
    ratios = []
    for one, other in zip(np.atleast_2d(reference), np.atleast_2d(estimate), strict=True):
        clean, heard = one.astype(np.float64), other.astype(np.float64)
        target = clean * (clean @ heard / max(float(clean @ clean), _ENERGY))
        wanted, wrong = float(target @ target), float(np.square(heard - target).sum())
        ratios.append(10 * np.log10(max(wanted, _ENERGY) / max(wrong, _ENERGY)))
    return float(np.clip(np.mean(ratios), -120, 120))


def mp3_copy(audio: Audio, kbps: int = 64, rate: int = RATE) -> Copy:
    """``audio`` [1 or 2, n] through libsndfile's MP3 encoder at a constant rate, and back in time with the original.

    ``kbps`` is one of MPEG-1's rates (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320). Raises
    ValueError for one outside them, and for audio of another shape.
    """
    import soundfile

    low, high = _MP3_RANGE
    if audio.ndim != 2 or audio.shape[0] not in (1, 2) or not audio.shape[1] or not low <= kbps <= high:
        raise ValueError(f"an MP3 needs [1 or 2, n] and {low} to {high} kbit/s, not {audio.shape} and {kbps}")
    coded = io.BytesIO()
    with soundfile.SoundFile(
        coded,
        "w",
        rate,
        audio.shape[0],
        "MPEG_LAYER_III",
        format="MP3",
        bitrate_mode="CONSTANT",
        compression_level=(high - kbps) / (high - low),
    ) as file:
        file.write(audio.T)
    size = coded.tell()
    coded.seek(0)
    decoded, _ = soundfile.read(coded, dtype="float32", always_2d=True)
    return Copy(aligned(audio, decoded.T), size * 8 / (audio.shape[1] / rate) / 1000)


def aligned(reference: Audio, copy: Audio) -> Float:
    """``copy`` [channels, m] moved by whole samples (4096 at most) to where it fits ``reference`` [channels, n] best.

    The result is as long as the reference, with silence where the copy does not reach.
    """
    length = reference.shape[1]
    size = 1 << (max(length, copy.shape[1]) + _MOST_SHIFT).bit_length()
    cross = np.fft.irfft(
        np.conj(np.fft.rfft(reference.mean(axis=0), size)) * np.fft.rfft(copy.mean(axis=0), size), size
    )
    late = np.arange(-_MOST_SHIFT, _MOST_SHIFT + 1)
    shift = int(late[np.argmax(cross[late])])
    moved = np.zeros((copy.shape[0], length), np.float32)
    piece = copy[:, max(0, shift) : max(0, shift + length)]
    start = max(0, -shift)
    piece = piece[:, : length - start]
    moved[:, start : start + piece.shape[1]] = piece
    return moved


def side_by_side(originals: Sequence[Audio], copies: Mapping[str, Sequence[Copy]]) -> list[CodecRow]:
    """One row for each kind of copy: means over the songs. Raises ValueError for a kind with other than all songs."""
    rows = []
    for name, kind in copies.items():
        distances = [stft_distance(a, copy.audio) for a, copy in zip(originals, kind, strict=True)]
        rows.append(
            CodecRow(
                name,
                spectral_convergence=float(np.mean([each.spectral_convergence for each in distances])),
                log_magnitude=float(np.mean([each.log_magnitude for each in distances])),
                stft=float(np.mean([each.total for each in distances])),
                si_sdr_db=float(np.mean([si_sdr(a, copy.audio) for a, copy in zip(originals, kind, strict=True)])),
                kbps=float(np.mean([copy.kbps for copy in kind])),
            )
        )
    return rows


def _check_alike(a: Audio, b: Audio) -> None:
    if a.shape != b.shape or a.ndim not in (1, 2) or not a.size:
        raise ValueError(f"both must be the same [channels, n] or [n] and not empty, not {a.shape} and {b.shape}")
