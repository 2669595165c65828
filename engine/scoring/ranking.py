"""What the measured parts of a take come to: one overall, why it is what it is, and where the take stands in its pool.

Pure arithmetic without libraries: the jam ranks with it, and the terminal explains with it. The formula is in
docs/scores.md. Nothing here rewards repetition; a part that is missing is named, never guessed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from engine.scoring.pooling import Scale, Scales

VOCAL, INSTRUMENTAL = "vocal", "instrumental"

WEIGHTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        VOCAL: MappingProxyType({"lyric_alignment": 0.35, "semantic": 0.35, "tempo_key": 0.15, "signal": 0.15}),
        INSTRUMENTAL: MappingProxyType({"semantic": 0.5, "tempo_key": 0.25, "signal": 0.25}),
    }
)
"""What each part counts, by kind of take; a person's own weights go before these."""

PART_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "lyric_alignment": "lyrics",
        "semantic": "meaning",
        "tempo_key": "tempo and key",
        "tempo": "tempo",
        "key": "key",
        "signal": "sound",
        "taste": "your taste",
    }
)
"""Parts and measures as people read them; others are called what they are called."""

OPTIONAL: Mapping[str, float] = MappingProxyType({"taste": 0.5})
"""Parts that count where they are there, and are not missing where they are not: a person's own taste, once proven."""

MEASURED: Mapping[str, tuple[str, ...]] = MappingProxyType({"tempo_key": ("tempo", "key")})
"""Parts that are the mean of what is there of several measures; any other is the measure of its own name."""

ENOUGH = 0.5
"""Share of the weights below which what is there says too little for an overall."""

STEPS = 50
"""An overall is told in so many steps, each as wide as it is uncertain at best: takes on one step are ties."""

_TAG = re.compile(r"\[[^\]\n]*\]")
_FAMILY = ("caption", "lyrics", "instrumental", "vocal_language", "task_type", "reference_audio", "src_audio", "track")
_TELLING = 8
"""Takes that a pool needs before its spread says anything."""


@dataclass(frozen=True)
class Part:
    """One part of an overall."""

    name: str
    weight: float
    value: float | None
    """0 to 1, as it counts; None where it is missing."""

    raw: float | None = None
    """As it was measured; another figure than ``value`` where it is held against its pool."""

    scale: Scale | None = None
    """That of the pool, where it is held against it."""

    def object(self) -> dict[str, Any]:
        """As JSON has it."""
        pool = None if self.scale is None else self.scale.object()
        return {"name": self.name, "weight": self.weight, "value": self.value, "raw": self.raw, "pool": pool}


@dataclass(frozen=True)
class Overall:
    """What a take scores, and everything that went into it."""

    kind: str
    """``vocal`` or ``instrumental``."""

    parts: tuple[Part, ...]
    present: float
    """The share of the weights whose parts are there."""

    score: float | None
    """On a step from 0 to 1; None where too little is there."""

    def object(self) -> dict[str, Any]:
        """As JSON has it."""
        parts = [part.object() for part in self.parts]
        return {"kind": self.kind, "score": self.score, "present": round(self.present, 3), "parts": parts}


@dataclass(frozen=True)
class Standing:
    """Where a take stands among the comparable ones."""

    pool: int
    """How many there are with an overall, this one included."""

    place: int
    """How many are better, plus one."""

    ties: int
    """How many others are on the same step."""

    above: Mapping[str, float | None]
    """By part, the share of the pool's other values that it is above, equal ones counting half; None where the part is
    missing, or where fewer than eight have it."""

    def object(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"pool": self.pool, "place": self.place, "ties": self.ties, "above": dict(self.above)}


def kind_of(request: Mapping[str, Any]) -> str:
    """Whether words are to be sung: whether the lyrics hold anything but structure tags."""
    lyrics = request.get("lyrics")
    sung = isinstance(lyrics, str) and bool(_TAG.sub("", lyrics).strip())
    return VOCAL if sung and not request.get("instrumental") else INSTRUMENTAL


def family(request: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    """What comparable takes have in common: the words, the sources, and the model that made them; a short hash.

    Seeds, length, steps and the like may differ: takes that were asked for the same thing are comparable.
    """
    common = [request.get(name) for name in _FAMILY] + [identity.get("profile"), identity.get("lm")]
    told = json.dumps(common, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def weights_of(kind: str, own: Mapping[str, float | None]) -> dict[str, float]:
    """The weights of a kind of take; ``own`` are a person's, None where they have none. Those of 0 are left out.

    A person's weight for a part that the kind does not have counts for nothing: no words are aligned where none are.
    """
    found = {}
    for name, usual in WEIGHTS[kind].items():
        given = own.get(name)
        weight = usual if given is None else given
        if weight > 0:
            found[name] = weight
    return found


def _optional(measures: Mapping[str, float], own: Mapping[str, float | None]) -> dict[str, float]:
    """The weights of parts that count where they are there: a person's taste, and what others have scored."""
    usual = {name for weights in WEIGHTS.values() for name in weights}
    names = dict.fromkeys([*OPTIONAL, *(name for name in own if name not in usual)])
    weights = {
        name: OPTIONAL.get(name, 0.0) if own.get(name) is None else own[name] for name in names if name in measures
    }
    return {name: weight for name, weight in weights.items() if weight}


def value_of(name: str, measures: Mapping[str, float]) -> float | None:
    """The value of a part from the measures of a take, held within 0 and 1; None where nothing of it is there."""
    found = [measures[each] for each in MEASURED.get(name, (name,)) if each in measures]
    found = [each for each in found if math.isfinite(each)]
    return min(max(sum(found) / len(found), 0.0), 1.0) if found else None


def overall(
    measures: Mapping[str, float],
    request: Mapping[str, Any],
    own: Mapping[str, float | None] = MappingProxyType({}),
    scales: Scales = MappingProxyType({}),
) -> Overall:
    """The overall of a take from its ``measures`` (its ``parts``), what it was asked for, and a person's weights.

    The mean of the parts that are there, each times its weight, those that ``scales`` has as they lie in the pool.
    None where they have less than half of all weights.
    """
    kind = kind_of(request)
    weights = weights_of(kind, own) | _optional(measures, own)
    parts = tuple(_part(name, weight, value_of(name, measures), scales.get(name)) for name, weight in weights.items())
    there = [(part.weight, part.value) for part in parts if part.value is not None]
    have, all_weights = math.fsum(weight for weight, _ in there), math.fsum(weights.values())
    present = have / all_weights if all_weights else 0.0
    if not there or present < ENOUGH - 1e-9:
        return Overall(kind, parts, present, None)
    return Overall(kind, parts, present, on_step(math.fsum(weight * value for weight, value in there) / have))


def _part(name: str, weight: float, raw: float | None, scale: Scale | None) -> Part:
    if raw is None or scale is None:
        return Part(name, weight, raw, raw)
    return Part(name, weight, round(scale.placed(raw), 4), raw, scale)


def on_step(score: float) -> float:
    """The step that a score lies on, from 0 to 1."""
    return round(min(max(score, 0.0), 1.0) * STEPS) / STEPS


def are_ties(one: float | None, other: float | None) -> bool:
    """Whether two overalls are too near to tell which is better: less than a step apart, or both missing."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < 1 / STEPS - 1e-9


def standing(take: Overall, others: Sequence[Overall]) -> Standing | None:
    """Where a take stands among the ``others`` of its pool; None where it has no overall."""
    if take.score is None:
        return None
    scores = [other.score for other in others if other.score is not None]
    ties = sum(are_ties(score, take.score) for score in scores)
    better = sum(score > take.score and not are_ties(score, take.score) for score in scores)
    above = {part.name: _above(part, others) for part in take.parts}
    return Standing(len(scores) + 1, better + 1, ties, above)


def _above(part: Part, others: Sequence[Overall]) -> float | None:
    """The share of the others' values of a part that this one is above: a part's place inside its own pool."""
    if part.value is None:
        return None
    found = [
        each.value for other in others for each in other.parts if each.name == part.name and each.value is not None
    ]
    if len(found) < _TELLING - 1:
        return None
    return round(
        sum(1.0 if value < part.value else 0.5 if value == part.value else 0.0 for value in found) / len(found), 3
    )
