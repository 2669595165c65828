"""The quality gate: audio that nobody should have to hear to know that it is broken, by measuring the samples alone.

A fault is something that honest music does not do; tests hold the limits against music of many kinds on one side and
damaged audio on the other. ``cleanness`` is the part of a score: 1 where nothing is even near a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Fault", "Heard", "examine"]

Audio = npt.NDArray[np.float32]

SILENT = 1e-5
"""Peak and RMS below which there is nothing (source: the published check of the reference implementation)."""

QUIET_DB = -60.0
"""A tenth of a second that lies so far below the take's loud parts is silent within it."""

LEADING_SECONDS = 4.0
INNER_SECONDS = 4.0
TRAILING_SECONDS = 8.0
"""Longest silences at the beginning, within and at the end. Endings fade, and some recipes end early on purpose."""

FLAT_SAMPLES = 4
"""So many equal samples in a row at the very top are clipping: music touches its peak once."""

CLIPPED_PER_SECOND = 4.0
"""Clipped stretches a second, on average, above which it is heard."""

DC = 0.1
"""Mean over RMS."""

ONE_SIDED_DB = -50.0
"""A channel so far below the other one is missing."""

CANCELLING = -0.9
"""Correlation of the channels below which a mono loudspeaker plays next to nothing."""

STUCK = 0.9
"""Share of the time in which the spectrum does not move."""

_STILL = 0.02
"""Part of the spectrum that changes within a second where nothing moves; vibrato, breath and reverb alone exceed it."""

LOOPED = 0.9
"""Share of the time that repeats what was there ``LOOP_SECONDS`` or less before, nearly sample for sample."""

LOOP_SECONDS = (0.1, 1.0)
"""Lengths of what repeats. Loops of a bar and longer are music; what repeats faster is a tone, and stands still."""

_SAME = 0.999
_FRAMES_PER_SECOND = 10
_SPECTRUM = 4096


@dataclass(frozen=True)
class Fault:
    """Something that is broken."""

    name: str
    """One word: silent, broken, short, long, clipped, dc, mono, cancelling, stuck or looped."""

    words: str
    """What a person reads: "silent from 1:12"."""


@dataclass(frozen=True)
class Heard:
    """What was found."""

    faults: tuple[Fault, ...]
    cleanness: float
    """0 (broken) to 1."""


def examine(audio: Audio, rate: int, asked: float | None = None) -> Heard:
    """Looks for faults in ``audio`` [channels, n], float in [-1, 1], at ``rate`` Hz; ``asked`` is the wanted length in
    seconds.
    """
    if not audio.size:
        return Heard((Fault("silent", "nothing in it"),), 0.0)
    peak = max(float(audio.max()), -float(audio.min()))  # not a number if any sample is none
    if not math.isfinite(peak):
        return Heard((Fault("broken", "samples that are no numbers"),), 0.0)
    if peak <= SILENT:
        return Heard((Fault("silent", "silent"),), 0.0)
    near: list[float] = []
    faults = tuple(_faults(audio, rate, asked, near))
    return Heard(faults, 0.0 if faults else round(float(np.prod([1 - 0.5 * min(each, 1.0) for each in near])), 3))


def _faults(audio: Audio, rate: int, asked: float | None, near: list[float]) -> Iterator[Fault]:
    """Every fault; ``near`` gets, for each measure with a limit, how much of it is used up."""
    seconds = audio.shape[1] / rate
    if asked is not None and abs(seconds - asked) > 0.1:
        yield Fault("short" if seconds < asked else "long", f"{seconds:.1f} s and not {asked:.1f} s")
    loud = _tenths(audio, rate)
    yield from _silences(loud, near)
    clipped = _clipped(audio) / seconds
    near.append(clipped / CLIPPED_PER_SECOND)
    if clipped > CLIPPED_PER_SECOND:
        yield Fault("clipped", f"clips {clipped:.0f} times a second")
    rms = math.sqrt(float(_power(audio).mean()))
    offset = float(np.abs(audio.mean(axis=1)).max()) / rms
    near.append(offset / DC)
    if offset > DC:
        yield Fault("dc", f"a constant offset of {100 * offset:.0f} %")
    yield from _sides(audio)
    yield from _movement(audio, rate, loud, near)


def _tenths(audio: Audio, rate: int) -> npt.NDArray[np.float64]:
    """Decibels of every tenth of a second, to a loud part of the take: [tenths]."""
    hop = rate // _FRAMES_PER_SECOND
    whole = max(audio.shape[1] // hop, 1)
    cut = audio[:, : whole * hop].reshape(len(audio), whole, -1)
    power = np.einsum("cts,cts->t", cut, cut).astype(np.float64) / (len(audio) * cut.shape[2])
    loud = np.quantile(power, 0.9)
    decibels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-20) / max(float(loud), 1e-20))
    return decibels


def _power(audio: Audio) -> npt.NDArray[np.float64]:
    """The mean square of each channel."""
    power: npt.NDArray[np.float64] = np.einsum("cs,cs->c", audio, audio).astype(np.float64) / audio.shape[1]
    return power


def _silences(loud: npt.NDArray[np.float64], near: list[float]) -> Iterator[Fault]:
    quiet = loud < QUIET_DB
    runs = _runs(quiet)
    inner = 0.0
    for start, end in runs:
        seconds = (end - start) / _FRAMES_PER_SECOND
        at_start, at_end = start == 0, end == len(quiet)
        limit = LEADING_SECONDS if at_start else TRAILING_SECONDS if at_end else INNER_SECONDS
        inner = max(inner, seconds / limit)
        if seconds > limit:
            first, last = _clock(start / _FRAMES_PER_SECOND), _clock(end / _FRAMES_PER_SECOND)
            words = f"silent until {last}" if at_start else f"silent from {first}"
            yield Fault("silent", words if at_start or at_end else f"{words} to {last}")
    near.append(inner)


def _clipped(audio: Audio) -> int:
    """How many stretches stay at the very top, on either side."""
    count = 0
    for channel in audio:
        top = max(float(channel.max()), -float(channel.min())) * (1 - 1e-6)
        if top > 0:
            count += sum(end - start >= FLAT_SAMPLES for start, end in _runs((channel >= top) | (channel <= -top)))
    return count


def _sides(audio: Audio) -> Iterator[Fault]:
    if len(audio) != 2:
        return
    power = _power(audio)
    if 10 * math.log10(max(power.min(), 1e-20) / power.max()) < ONE_SIDED_DB:
        yield Fault("mono", f"only the {'right' if power[0] < power[1] else 'left'} channel sounds")
        return
    left, right = audio
    if float(left @ right) / (len(left) * math.sqrt(power[0] * power[1])) < CANCELLING:
        yield Fault("cancelling", "the channels cancel each other")


def _movement(audio: Audio, rate: int, loud: npt.NDArray[np.float64], near: list[float]) -> Iterator[Fault]:
    """Spectra that stand still, and waves that come again and again."""
    mono = audio.mean(axis=0)
    heard = loud >= QUIET_DB
    share, length = _looped(mono, rate, heard)
    still = _still(mono, rate, heard)
    near += [(share / LOOPED) ** 4, (still / STUCK) ** 4]
    if share > LOOPED and _spread(mono, rate, length) > _STILL:
        yield Fault("looped", f"the same {length:.2f} s again and again")
    elif still > STUCK:
        yield Fault("stuck", f"nothing moves for {100 * still:.0f} % of the time")


def _still(mono: Audio, rate: int, heard: npt.NDArray[np.bool_]) -> float:
    """Share of the heard tenths whose spectrum is, to ``_STILL``, the one of a second before; 0 for under 5 s."""
    hop = rate // _FRAMES_PER_SECOND
    frames = min(len(heard), (len(mono) - _SPECTRUM) // hop)
    if frames < 5 * _FRAMES_PER_SECOND:
        return 0.0
    index = np.arange(frames)[:, None] * hop + np.arange(_SPECTRUM)
    spectra = np.abs(np.fft.rfft(mono[index] * np.hanning(_SPECTRUM).astype(np.float32), axis=1))
    bands = np.add.reduceat(spectra, _EDGES, axis=1)
    bands /= np.maximum(np.linalg.norm(bands, axis=1, keepdims=True), 1e-12)
    apart = np.linalg.norm(bands[_FRAMES_PER_SECOND:] - bands[:-_FRAMES_PER_SECOND], axis=1)
    counted = heard[_FRAMES_PER_SECOND:frames] & heard[: frames - _FRAMES_PER_SECOND]
    return float((apart[counted] < _STILL).mean()) if counted.any() else 0.0


_EDGES = np.unique(np.geomspace(2, _SPECTRUM // 2, 48).astype(int))


def _looped(mono: Audio, rate: int, heard: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Share of the heard half seconds that repeat what lies one loop before them, for the loop of which most do, and
    its length in seconds.

    Candidates are the peaks of the autocorrelation of a few pieces; each is then checked along the take.
    """
    shortest, longest = (int(seconds * rate) for seconds in LOOP_SECONDS)
    piece = rate // 2
    starts = [start for start in range(longest, len(mono) - piece, piece) if heard[start * _FRAMES_PER_SECOND // rate]]
    if len(starts) < 4:
        return 0.0, 0.0
    best = (0.0, 0.0)
    for probe in (starts[len(starts) // 3], starts[2 * len(starts) // 3]):
        lag = _lag(mono[probe - longest : probe + piece], longest, shortest)
        share = float(np.mean([_alike(mono[s : s + piece], mono[s - lag : s - lag + piece]) for s in starts]))
        best = max(best, (share, lag / rate))
    return best


def _spread(mono: Audio, rate: int, length: float) -> float:
    """How much the level moves within one loop from the middle of the take: 0 for a tone."""
    start, samples = len(mono) // 2, int(length * rate)
    parts = np.array_split(np.square(mono[start : start + samples], dtype=np.float64), 10)
    level = np.sqrt([part.mean() if len(part) else 0.0 for part in parts])
    return float(level.std() / max(level.mean(), 1e-12))


def _lag(wave: Audio, longest: int, shortest: int) -> int:
    """How far back the end of ``wave`` comes again, in samples from ``shortest`` to ``longest``."""
    piece = wave[longest:]
    size = 1 << (len(wave) + len(piece)).bit_length()
    product = np.fft.rfft(wave, size) * np.conj(np.fft.rfft(piece, size))
    matched = np.fft.irfft(product, size)[: longest - shortest + 1]
    power = np.cumsum(np.concatenate(([0.0], np.square(wave, dtype=np.float64))))
    energy = power[len(piece) : len(piece) + len(matched)] - power[: len(matched)]
    return longest - int(np.argmax(matched / np.sqrt(np.maximum(energy, 1e-12))))


def _alike(one: Audio, other: Audio) -> bool:
    strength = math.sqrt(float(one @ one) * float(other @ other))
    return strength > 0 and float(one @ other) / strength > _SAME


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where flags are set in a row: starts and ends, the end not included."""
    if not flags.any():
        return []
    edges = np.flatnonzero(flags[1:] != flags[:-1]) + 1
    edges = np.concatenate(([0] if flags[0] else [], edges, [len(flags)] if flags[-1] else []))
    return list(zip(edges[::2].astype(int).tolist(), edges[1::2].astype(int).tolist(), strict=True))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
