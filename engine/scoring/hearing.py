"""What is heard in a take beside what was asked for: the measures ``tempo`` and ``key`` of its score.

How good the estimators are on music that is known is in docs/scores.md. Where one is not sure, its measure is missing:
a take is not blamed for what could not be heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.scoring.key import key, relation
from engine.scoring.tempo import LEVELS, tempo

SURE_OF_TEMPO = 0.15
SURE_OF_KEY = 0.02
"""Confidence of each estimator from which it is listened to; measured on songs that are known."""

TEMPO_WORTH: Mapping[str, float] = {"right": 1.0, "octave": 0.5, "metrical": 0.25}
"""What a tempo is worth at most by how it lies to the one asked for. Half and double are as often the listener's
mistake."""

EXACT, FAR = 0.005, 0.08
"""Up to what share beside it a tempo is what was asked for, and from where on it is another one; between them it is
worth evenly less. Songs of known tempo are heard to a thousandth."""

KEY_WORTH: Mapping[str, float] = {"same": 1.0, "fifth": 0.5, "relative": 0.3, "parallel": 0.2, "other": 0.0}
"""The same for keys: the weights by which estimators of keys are compared at MIREX."""

_OPEN = (None, "", "unknown")


@dataclass(frozen=True)
class Heard:
    """Tempo and key as heard, and how sure that is: see ``tempo`` and ``key``."""

    bpm: float
    bpm_confidence: float
    keyscale: str
    key_confidence: float


def hear(audio: npt.NDArray[np.floating], rate: int) -> Heard:
    """Listens to audio [N] or [channels, N]."""
    beat, tonality = tempo(audio, rate), key(audio, rate)
    return Heard(beat.bpm, beat.confidence, tonality.name, tonality.confidence)


def asked(request: Mapping[str, Any], plan: Mapping[str, Any] | None, name: str) -> Any:
    """What a take was to have for a field: a person's wish, else the planner's; None where neither says."""
    wishes = (request.get(name), request.get(f"cot_{name}"), (plan or {}).get(name))
    return next((wish for wish in wishes if wish not in _OPEN), None)


def tempo_worth(measured: float, wanted: float) -> float:
    """What a tempo is worth, 0 to 1, for the one that was ``wanted``; both are beats a minute above 0."""
    ratio = measured / wanted
    near = {name: min(abs(ratio / level - 1) for level in levels) for name, levels in LEVELS.items()}
    return round(max(TEMPO_WORTH[name] * _closeness(apart) for name, apart in near.items()), 3)


def _closeness(apart: float) -> float:
    return min(max((FAR - apart) / (FAR - EXACT), 0.0), 1.0)


def as_asked(heard: Heard, bpm: object, keyscale: object) -> dict[str, float]:
    """How tempo and key are as asked, 0 to 1 each; what was not asked for, or is not heard surely, is left out."""
    found = {}
    if isinstance(bpm, int | float) and bpm > 0 and heard.bpm_confidence >= SURE_OF_TEMPO:
        found["tempo"] = tempo_worth(heard.bpm, float(bpm))
    if isinstance(keyscale, str) and heard.key_confidence >= SURE_OF_KEY:
        try:
            found["key"] = KEY_WORTH[relation(heard.keyscale, keyscale)]
        except ValueError:  # what somebody wrote for a key and is none
            pass
    return found
