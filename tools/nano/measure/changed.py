"""What becomes of a source: whether the joins of a repaint can be heard, and whether a cover keeps the tempo."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from engine.audio import RATE
from engine.request import Request
from engine.scoring.agreement import relation
from engine.scoring.key import key
from engine.scoring.tempo import tempo, tempo_error
from tools.nano.measure.held_out import CHANGED_FROM, compose, request_for, sound_of
from tools.nano.measure.takes import Renderer

_SIZE, _HOP = 256, 64
"""Samples of a spectrum, and between two: a click is a few samples long."""

_AROUND = 0.01
"""Seconds around a join that belong to it."""


@dataclass(frozen=True)
class Joins:
    """Spectral flux at the joins of repaints, beside that of the takes that they are in."""

    joins: int
    within: float
    """The share of joins whose flux is within the range of their take's own: no more than its largest elsewhere."""

    place: float
    """Where the flux of a join lies among its take's moments, 0 (the least) to 1, in the mean."""

    songs_place: float
    """The same of the songs at these moments, where nothing was joined."""

    cut_place: float
    """The same where another song's part is put in by a plain cut."""


@dataclass(frozen=True)
class Covers:
    """Shares of covers, 0 to 1, made from nothing but the source and a caption of another style."""

    task: str
    takes: int
    tempo: float
    """The source's."""

    key: float
    chance_tempo: float
    chance_key: float


def measure_joins(engine: Renderer, *, count: int, duration: float) -> Joins:
    """Repaints the middle third of ``count`` held-out songs, and looks at both joins of each."""
    within, places, songs, cut = [], [], [], []
    for number in range(count):
        song = compose(CHANGED_FROM + number, duration=duration)
        audio = sound_of(song)
        joins = (duration / 3, 2 * duration / 3)
        request = request_for(song, number, seeds=(number,)).replace(
            task_type="repaint", repainting_start=joins[0], repainting_end=joins[1], duration=None
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "song.wav"
            soundfile.write(path, audio.T, RATE, subtype="FLOAT")
            (take,) = engine.render(request.replace(src_audio=str(path)))
        made = np.asarray(take.audio)
        other = sound_of(compose(CHANGED_FROM + count + number, duration=duration))
        first, last = (round(join * RATE) for join in joins)
        abrupt = np.concatenate((audio[:, :first], other[:, first:last], audio[:, last:]), axis=1)
        for join in joins:
            place, most = _standing(made, join, joins)
            places.append(place)
            within.append(most <= 1.0)
            songs.append(_standing(audio, join, joins)[0])
            cut.append(_standing(abrupt, join, joins)[0])
    return Joins(len(within), _mean(within), _mean(places), _mean(songs), _mean(cut))


def measure_covers(engine: Renderer, task: str, *, count: int, duration: float) -> Covers:
    """Covers of held-out songs in the words of the next one, without a word on tempo or key."""
    sources, heard = [], []
    for number in range(count):
        song = compose(CHANGED_FROM + number, duration=duration)
        caption = request_for(compose(CHANGED_FROM + number + 1, duration=duration), number, seeds=(number,)).caption
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "song.wav"
            soundfile.write(path, sound_of(song).T, RATE, subtype="FLOAT")
            request = Request(
                task_type=task, caption=caption, src_audio=str(path), seeds=(number,), use_random_seed=False
            )
            (take,) = engine.render(request)
        audio = np.asarray(take.audio)
        sources.append((float(song.bpm), song.key))
        heard.append((tempo(audio).bpm, key(audio).name))
    others = sources[1:] + sources[:1]
    return Covers(
        task,
        count,
        tempo=_mean([tempo_error(one[0], own[0]).right for one, own in zip(heard, sources, strict=True)]),
        key=_mean([relation(one[1], own[1]) == "same" for one, own in zip(heard, sources, strict=True)]),
        chance_tempo=_mean([tempo_error(one[0], own[0]).right for one, own in zip(heard, others, strict=True)]),
        chance_key=_mean([relation(one[1], own[1]) == "same" for one, own in zip(heard, others, strict=True)]),
    )


def flux(audio: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """How much louder the bins became from each spectrum to the next, of audio [2, n]: [frames - 1]."""
    mono = np.asarray(audio, np.float64).mean(axis=0)
    frames = np.lib.stride_tricks.sliding_window_view(mono, _SIZE)[::_HOP] * np.hanning(_SIZE)
    spectra = np.abs(np.fft.rfft(frames, axis=1))
    risen: npt.NDArray[np.float64] = np.maximum(np.diff(spectra, axis=0), 0).sum(axis=1)
    return risen


def _standing(audio: npt.NDArray[np.floating], join: float, joins: Sequence[float]) -> tuple[float, float]:
    """Where the largest flux at a join lies among the moments away from all joins, and as a share of their largest.

    Moments are as long as what counts as the join, and each is its largest flux.
    """
    moment = max(round(2 * _AROUND * RATE / _HOP), 1)
    every = flux(audio)
    seconds = (np.arange(len(every)) * _HOP + _SIZE / 2) / RATE
    mine = every[np.abs(seconds - join) <= _AROUND].max(initial=0.0)
    away = every[np.all([np.abs(seconds - other) > _AROUND for other in joins], axis=0)]
    moments = away[: len(away) // moment * moment].reshape(-1, moment).max(axis=1)
    return float((moments < mine).mean()), float(mine / max(float(moments.max()), 1e-12))


def _mean(values: Sequence[float | bool]) -> float:
    return float(np.mean(values)) if values else 0.0
