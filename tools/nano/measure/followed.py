"""Whether takes follow audio codes: those that a take's own sound has against those that it was to have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from engine.request import Request
from engine.scoring.agreement import relation
from engine.scoring.key import key
from engine.scoring.tempo import tempo, tempo_error
from tools.nano.measure.held_out import FOLLOWED_FROM, compose, request_for, sound_of
from tools.nano.measure.style import Classifier, features

Codes = tuple[int, ...]
Levels = Callable[[Codes], Any]
"""Codes to the levels ``[codes, dimensions]`` that they stand for."""


class Renderer(Protocol):
    """What is used of an ``engine.Engine``."""

    def render(self, request: Request) -> Sequence[Any]:
        """A take for every seed of the request."""

    def codes_of(self, source: Any) -> Codes:
        """The codes of audio ``[2, samples]``."""


@dataclass(frozen=True)
class Followed:
    """Shares from 0 to 1; ``chance`` judges a take by another's codes."""

    takes: int
    codes: float
    """The same code."""

    chance_codes: float
    levels: float
    """The same level, of each dimension of a code."""

    chance_levels: float
    tempo: float
    key: float
    style: float


def measure_followed(
    engine: Renderer, levels: Levels, classifier: Classifier, *, count: int, duration: float, planned: bool
) -> Followed:
    """A take of each of ``count`` held-out songs' requests, which follows the song's codes.

    Where it is ``planned``, it follows codes that the planner writes for the request instead.
    """
    wanted: list[Codes] = []
    had: list[Codes] = []
    right: list[tuple[bool, bool, bool]] = []
    for number in range(count):
        song = compose(FOLLOWED_FROM + number, duration=duration)
        request = request_for(song, number, seeds=(number,))
        if planned:
            request = request.replace(thinking=True, plan_seed=number, use_cot_caption=False)
        else:
            request = request.replace(audio_codes=engine.codes_of(torch.from_numpy(sound_of(song))))
        (take,) = engine.render(request)
        audio = np.asarray(take.audio)
        wanted.append(tuple(take.codes or ()))
        had.append(engine.codes_of(torch.from_numpy(audio)))
        right.append(
            (
                tempo_error(tempo(audio).bpm, song.bpm).right,
                relation(key(audio).name, song.key) == "same",
                classifier.predict(features(audio)) == song.style,
            )
        )
    others = wanted[1:] + wanted[:1]
    shares = np.mean(right, axis=0)
    return Followed(
        takes=count,
        codes=_same(wanted, had, _whole),
        chance_codes=_same(others, had, _whole),
        levels=_same(wanted, had, levels),
        chance_levels=_same(others, had, levels),
        tempo=float(shares[0]),
        key=float(shares[1]),
        style=float(shares[2]),
    )


def _whole(codes: Codes) -> Any:
    return np.asarray(codes)[:, None]


def _same(one: Sequence[Codes], other: Sequence[Codes], levels: Levels) -> float:
    """The mean share of places at which two takes' codes agree."""
    shares = []
    for first, second in zip(one, other, strict=True):
        count = min(len(first), len(second))
        shares.append(float((levels(first[:count]) == levels(second[:count])).mean()))
    return float(np.mean(shares))
