"""What an engine makes of requests it was never trained on: tempo, key, style, length, and what the seed changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.audio import RATE
from engine.request import Request
from engine.scoring.agreement import RELATIONS, relation
from engine.scoring.key import key
from engine.scoring.spectra import Float
from engine.scoring.tempo import VERDICTS, tempo, tempo_error
from tools.nano.measure.held_out import compose, request_for, sound_of
from tools.nano.measure.style import Classifier, features, levels
from tools.nano.music.song import Song

_RENDERED_AGAIN_EVERY = 8
_DISTANCE_FRAMES = 10  # of levels, so a tenth of a second: what is near in time counts as together


class TakeLike(Protocol):
    """What is read of an ``engine.take.Take``."""

    @property
    def audio(self) -> Any:
        """Float tensor [2, samples] on CPU."""


class Renderer(Protocol):
    """What is used of an ``engine.Engine``."""

    def render(self, request: Request) -> Sequence[TakeLike]:
        """A take for every seed of the request."""


@dataclass(frozen=True)
class Heard:
    """One piece of audio against what was asked for."""

    style: str
    bpm: float
    heard_bpm: float
    tempo: str
    """One of ``VERDICTS``."""

    keyscale: str
    heard_key: str
    key: str
    """One of ``engine``'s relations between keys: see ``engine.scoring.agreement.RELATIONS``."""

    heard_style: str | None
    """None where there was no classifier."""


@dataclass(frozen=True)
class Shares:
    """What part of ``count`` pieces did what, each from 0 to 1."""

    count: int
    tempo: dict[str, float]
    key: dict[str, float]
    style: float | None


@dataclass(frozen=True)
class Seeds:
    """What another seed changes: distances in dB between the mel levels of two pieces, means over the requests."""

    same_request: float
    """Two takes of one request with different seeds."""

    other_request: float
    """Takes of two requests."""

    songs_same_request: float
    """Two synthesised songs with everything that a request names in common: what training material does."""

    songs_other_request: float
    """Synthesised songs of two requests."""

    repeated: int
    """Takes that were rendered twice with the same seed."""

    repeated_equal: int
    """How many of those were equal sample for sample."""

    @property
    def relative(self) -> float:
        """How much of the distance between requests a seed alone makes; near 0 a model says one thing per request."""
        return self.same_request / max(self.other_request, 1e-9)

    @property
    def songs_relative(self) -> float:
        """The same for the synthesised songs."""
        return self.songs_same_request / max(self.songs_other_request, 1e-9)


@dataclass(frozen=True)
class TakesReport:
    """Everything that ``measure_takes`` found."""

    requests: int
    duration: float
    """Seconds, of every take."""

    seed: int
    exact_length: float
    """The share of takes with exactly the samples that were asked for."""

    takes: Shares
    songs: Shares
    """The synthesised songs of the same requests, heard by the same estimators: the best that can be reached."""

    chance: Shares
    """Every take against the next request instead of its own: what luck alone reaches."""

    by_style: dict[str, Shares]
    """Takes, by the style that was asked for."""

    songs_by_style: dict[str, Shares]
    seeds: Seeds
    pieces: list[Heard] = field(default_factory=list, repr=False)
    """Every take, in order."""


def measure_takes(
    engine: Renderer, *, count: int, duration: float, seed: int, classifier: Classifier | None = None
) -> TakesReport:
    """Renders two takes of each of ``count`` held-out requests, ``duration`` seconds long, and listens.

    The requests are the captions, tempos and keys of songs that nothing was trained on, from the held-out song ``seed``
    on. Raises ValueError for a count below 2, for then there is no other request; and what the engine raises.
    """
    if count < 2:
        raise ValueError(f"at least 2 requests are compared, not {count}")
    songs = [compose(seed + number, duration=duration) for number in range(count)]
    takes: list[Heard] = []
    originals: list[Heard] = []
    chances: list[Heard] = []
    take_levels: list[tuple[Float, Float]] = []
    song_levels: list[tuple[Float, Float]] = []
    exact = repeated = equal = 0
    for number, song in enumerate(songs):
        request = request_for(song, number, seeds=(2 * number, 2 * number + 1))
        rendered = [np.asarray(take.audio) for take in engine.render(request)]
        exact += sum(audio.shape[1] == round(duration * RATE) for audio in rendered)
        if number % _RENDERED_AGAIN_EVERY == 0:
            (again,) = engine.render(request.replace(seeds=request.seeds[-1:]))
            repeated += 1
            equal += np.array_equal(np.asarray(again.audio), rendered[-1])
        for audio in rendered:
            takes.append(listen(audio, song, classifier))
            chances.append(compare(takes[-1], songs[(number + 1) % count]))
        take_levels.append((_outline(rendered[0]), _outline(rendered[1])))
        pair = (sound_of(song), sound_of(compose(seed + count + number, duration=duration, like=song)))
        originals.append(listen(pair[0], song, classifier))
        song_levels.append((_outline(pair[0]), _outline(pair[1])))
    styles = sorted({song.style for song in songs})
    return TakesReport(
        requests=count,
        duration=duration,
        seed=seed,
        exact_length=exact / len(takes),
        takes=shares(takes),
        songs=shares(originals),
        chance=shares(chances),
        by_style={style: shares([each for each in takes if each.style == style]) for style in styles},
        songs_by_style={style: shares([each for each in originals if each.style == style]) for style in styles},
        seeds=Seeds(*_distances(take_levels), *_distances(song_levels), repeated=repeated, repeated_equal=equal),
        pieces=takes,
    )


def listen(audio: npt.NDArray[np.floating], song: Song, classifier: Classifier | None = None) -> Heard:
    """What is heard in ``audio`` [2, n], 48 kHz, against what ``song`` is."""
    heard = Heard(
        style=song.style,
        bpm=song.bpm,
        heard_bpm=tempo(audio).bpm,
        tempo="",
        keyscale=song.key,
        heard_key=key(audio).name,
        key="",
        heard_style=classifier.predict(features(audio)) if classifier else None,
    )
    return compare(heard, song)


def compare(heard: Heard, song: Song) -> Heard:
    """The same piece, judged by what ``song`` is."""
    return dataclasses.replace(
        heard,
        style=song.style,
        bpm=song.bpm,
        tempo=tempo_error(heard.heard_bpm, song.bpm).verdict,
        keyscale=song.key,
        key=relation(heard.heard_key, song.key),
    )


def shares(pieces: Sequence[Heard]) -> Shares:
    """The verdicts on some pieces, as parts of them; raises ValueError where there is none."""
    if not pieces:
        raise ValueError("there is nothing to take a share of")
    count = len(pieces)
    judged = [piece.heard_style == piece.style for piece in pieces if piece.heard_style is not None]
    return Shares(
        count,
        tempo={verdict: sum(piece.tempo == verdict for piece in pieces) / count for verdict in VERDICTS},
        key={verdict: sum(piece.key == verdict for piece in pieces) / count for verdict in RELATIONS},
        style=sum(judged) / count if judged else None,
    )


def distance(one: Float, other: Float) -> float:
    """The root mean square difference of two level outlines [frames, bands] in dB, over the frames that both have."""
    frames = min(len(one), len(other))
    if not frames:
        return 0.0
    return float(np.sqrt(np.square(one[:frames] - other[:frames]).mean()))


def _outline(audio: npt.NDArray[np.floating]) -> Float:
    """Mel levels ten times a second."""
    level = levels(audio)
    frames = len(level) // _DISTANCE_FRAMES
    outline: Float = level[: frames * _DISTANCE_FRAMES].reshape(frames, _DISTANCE_FRAMES, level.shape[1]).mean(axis=1)
    return outline


def _distances(pairs: Sequence[tuple[Float, Float]]) -> tuple[float, float]:
    """Mean distance within the pairs, and between the first of each and the first of the next."""
    within = [distance(*pair) for pair in pairs]
    between = [distance(pair[0], pairs[(i + 1) % len(pairs)][0]) for i, pair in enumerate(pairs)]
    return float(np.mean(within)), float(np.mean(between))
