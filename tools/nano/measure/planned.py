"""What a planner chose against what its take has: tempo, key, meter and length, of requests in a few words.

And the same of takes that followed the codes that it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.audio import RATE
from engine.request import Request
from engine.scoring.agreement import relation
from engine.scoring.key import key
from engine.scoring.tempo import tempo, tempo_error
from tools.nano.measure.held_out import PLANNED_FROM, compose, sound_of
from tools.nano.measure.meter import triple
from tools.nano.measure.style import Classifier, features
from tools.nano.music.song import BAR_BEATS, Song
from tools.nano.planner.asking import asked


class Renderer(Protocol):
    """What is used of an ``engine.Engine``."""

    def render(self, request: Request) -> Sequence[Any]:
        """A take for every seed of the request."""


@dataclass(frozen=True)
class Kept:
    """Shares of takes, 0 to 1, that have what their plan chose; a share of none is 0."""

    takes: int
    tempo: float
    octave: float
    key: float
    meter: float
    """Of three quarter notes or not."""

    in_three: int
    """How many plans have bars of three quarter notes."""

    three_heard: float
    """Of those, the share of takes in which three are heard."""

    three_elsewhere: float
    """The same of the other plans' takes: chance."""

    duration: float
    """To the sample."""

    style: float
    """The style that was asked for, recognised."""

    songs_meter: float
    """Of the synthesiser's songs: the ear's own limit for meters."""

    chance_tempo: float
    """By another request's plan."""

    chance_key: float


@dataclass(frozen=True)
class _One:
    bpm: float
    heard_bpm: float
    keyscale: str
    heard_key: str
    meter: int
    three: bool | None
    exact: bool
    style: bool


def measure_planned(
    engine: Renderer, classifier: Classifier, *, count: int, duration: float | None, thinking: bool | None = None
) -> Kept:
    """One take of each of ``count`` held-out requests of a few words and no metadata.

    ``duration`` in seconds, or None for the planner to choose. Raises ValueError for a take that was not planned.
    """
    found, originals = [], []
    for number in range(count):
        song = compose(PLANNED_FROM + number, duration=duration or 20.0)
        words = asked(song, np.random.default_rng([PLANNED_FROM, number])).words
        request = Request(
            caption=words or song.style,
            lyrics="[Instrumental]",
            duration=duration,
            thinking=thinking,
            plan_seed=number,
            seeds=(number,),
            use_random_seed=False,
        )
        (take,) = engine.render(request)
        found.append(_listen(np.asarray(take.audio), take.plan, song, duration, classifier))
        if (heard := triple(sound_of(song), song.bpm)) is not None:
            originals.append(heard == (BAR_BEATS[song.meter] == 3))
    others = found[1:] + found[:1]
    return Kept(
        takes=count,
        tempo=_share([tempo_error(one.heard_bpm, one.bpm).verdict == "right" for one in found]),
        octave=_share([tempo_error(one.heard_bpm, one.bpm).verdict == "octave" for one in found]),
        key=_share([relation(one.heard_key, one.keyscale) == "same" for one in found]),
        meter=_share([one.three == _in_three(one) for one in found if one.three is not None]),
        in_three=sum(_in_three(one) for one in found),
        three_heard=_share([bool(one.three) for one in found if _in_three(one)]),
        three_elsewhere=_share([bool(one.three) for one in found if not _in_three(one)]),
        duration=_share([one.exact for one in found]),
        style=_share([one.style for one in found]),
        songs_meter=_share(originals),
        chance_tempo=_share(
            [tempo_error(one.heard_bpm, other.bpm).verdict == "right" for one, other in zip(found, others, strict=True)]
        ),
        chance_key=_share(
            [relation(one.heard_key, other.keyscale) == "same" for one, other in zip(found, others, strict=True)]
        ),
    )


def _listen(
    audio: npt.NDArray[np.floating], plan: Any, song: Song, duration: float | None, classifier: Classifier
) -> _One:
    if not plan:
        raise ValueError("a take was not planned: the set has no planner, or it is off")
    wanted = duration or float(plan["duration"])
    return _One(
        bpm=float(plan["bpm"]),
        heard_bpm=tempo(audio).bpm,
        keyscale=str(plan["keyscale"]),
        heard_key=key(audio).name,
        meter=int(plan["timesignature"]),
        three=triple(audio, float(plan["bpm"])),
        exact=audio.shape[1] == round(wanted * RATE),
        style=classifier.predict(features(audio)) == song.style,
    )


def _in_three(one: _One) -> bool:
    """Whether the plan's bars have three quarter notes; 6/8 has as many."""
    return BAR_BEATS.get(one.meter) == 3


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0
