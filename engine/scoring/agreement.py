"""Are tempo and key what they should be? The measures ``tempo`` and ``key`` of a score, from what was heard.

How good the estimators are on music that is known is in docs/scores.md. Where one is not sure, its measure is missing:
a take is not blamed for what could not be heard. Pure arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from engine.values import PITCHES, keyscale

LEVELS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"right": (1.0,), "octave": (2.0, 0.5), "metrical": (3.0, 1 / 3, 1.5, 2 / 3)}
)
"""How many times what was asked a tempo can be, by what that is called: the levels of one metre."""

RELATIONS = ("same", "relative", "fifth", "parallel", "other")
"""How two keys can lie to each other."""

SURE_OF_TEMPO = 0.15
SURE_OF_KEY = 0.02
"""Confidence of each estimator from which it is listened to; measured on songs that are known."""

SURE: Mapping[str, tuple[str, float]] = MappingProxyType(
    {"bpm": ("bpm_confidence", SURE_OF_TEMPO), "keyscale": ("key_confidence", SURE_OF_KEY)}
)
"""By the names of what was heard: under which it says how sure that is, and how sure it has to be."""

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


def asked(request: Mapping[str, Any], plan: Mapping[str, Any] | None, name: str) -> Any:
    """What a take was to have for a field: a person's wish, else the planner's; None where neither says."""
    wishes = (request.get(name), request.get(f"cot_{name}"), (plan or {}).get(name))
    return next((wish for wish in wishes if wish not in _OPEN), None)


def unsure(measured: Mapping[str, Any], name: str) -> bool:
    """Whether ``bpm`` or ``keyscale`` of what was ``measured`` was heard, and not surely enough to count."""
    confidence, least = SURE[name]
    told = measured.get(confidence)
    return isinstance(told, int | float) and told < least


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


def relation(measured: str, asked: str) -> str:
    """How two keys lie to each other, one of ``RELATIONS``; spellings of one pitch are the same.

    "fifth" is the same mode a fifth up or down. Raises ValueError for what is not a key.
    """
    (one, mode), (other, asked_mode) = _parsed(measured), _parsed(asked)
    apart = (one - other) % 12
    if mode == asked_mode:
        return "same" if apart == 0 else "fifth" if apart in (5, 7) else "other"
    if apart == 0:
        return "parallel"
    return "relative" if apart == (9 if mode == "minor" else 3) else "other"


def _parsed(name: str) -> tuple[int, str]:
    """Pitch class from C, and mode."""
    stored = keyscale(name)
    if stored is None:
        raise ValueError("it must be a key such as 'F# minor'")
    pitch, mode = stored.split()
    natural = PITCHES.index(pitch[0])
    return (natural + pitch.count("#") - pitch[1:].count("b")) % 12, mode
