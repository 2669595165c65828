"""What one person likes, learnt from what they said of takes: a small Bayesian preference model, pure arithmetic.

Two takes of which one was liked better are a pair; the chance that it is the better one is a logistic function of how
their features differ, with a Gaussian prior on the weights (Laplace's approximation). It knows how little it knows:
where it has seen little, what it says stays near a half. It counts only once it has beaten the plain score on verdicts
that it had not seen.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PRIOR = 0.5
"""Standard deviation of a weight before anything was said, for features that have a spread of one."""

FOLDS = 3
LEAST_TAKES, LEAST_EACH = 16, 5
"""Judged takes that are needed before anything is tried, and of the better and the worse half each."""

LEAST_RIGHT = 0.65
SURE = 3.5
"""The share of pairs that it has to order rightly, and by how many standard errors it has to be ahead of the score.

Pairs share takes, so these are worth less than they sound: made-up people without a taste pass 6 times in 100."""

MOST_PAIRS = 600
"""More of the same takes say little more, and take time."""

STATISTICS = ("latent_spread", "latent_movement", "codes_varied")
"""What latents and codes are like: how far values lie apart, how far they move in a frame, and the share of different
codes."""

_STEPS, _ENOUGH = 20, 1e-6

Features = Mapping[str, float]


@dataclass(frozen=True)
class Judged:
    """A take that somebody has said something of."""

    key: str
    grade: float
    """The more, the better it was liked."""

    features: Features
    plain: float | None
    """Its score without taste."""


@dataclass(frozen=True)
class Trial:
    """How verdicts that were kept back are ordered, by taste and by the plain score."""

    takes: int
    pairs: int
    taste: float
    """The share of pairs in the right order; ties count half."""

    plain: float
    ahead: float
    """By how many standard errors taste is ahead, over the takes."""

    @property
    def passed(self) -> bool:
        """Whether taste may count."""
        enough = self.takes >= LEAST_TAKES and self.taste >= LEAST_RIGHT
        return enough and self.taste > self.plain and self.ahead >= SURE


@dataclass(frozen=True)
class Taste:
    """Weights of features as they were learnt, and how unsure they are."""

    scale: Mapping[str, tuple[float, float]]
    """Middle and spread of each feature; their names are in the order of the rest."""

    weights: Sequence[float]
    covariance: Sequence[Sequence[float]]

    def prefers(self, one: Features, other: Features) -> float:
        """The chance that ``one`` is liked better, 0 to 1; near a half where it does not know."""
        apart = _apart(one, other, self.scale)
        mean = _dot(apart, self.weights)
        variance = _dot(apart, [_dot(row, apart) for row in self.covariance])
        return _logistic(mean / math.sqrt(1 + math.pi * variance / 8))

    def drawn(self, rng: random.Random) -> list[float]:
        """Weights as they may be, drawn from all that fit what was said."""
        steps = [rng.gauss(0, 1) for _ in self.weights]
        return [weight + _dot(row, steps) for weight, row in zip(self.weights, _root(self.covariance), strict=True)]

    def worth(self, one: Features, weights: Sequence[float]) -> float:
        """How much a taste of those ``weights`` likes a take, beside a typical one."""
        return _dot(_apart(one, {name: middle for name, (middle, _) in self.scale.items()}, self.scale), weights)


def features(parts: Mapping[str, float], measured: Mapping[str, Any], loudness: float | None) -> dict[str, float]:
    """What of a take may please or not, as far as it was measured anyway."""
    found = {name: float(value) for name, value in parts.items() if name != "taste"}
    bpm, key, colour = measured.get("bpm"), measured.get("keyscale"), measured.get("colour")
    if isinstance(bpm, int | float) and bpm > 0:
        found["tempo heard"] = math.log2(bpm / 100)
    if isinstance(key, str) and key:
        found["minor"] = float(key.endswith("minor"))
    for name in (*("bpm_confidence", "key_confidence", "repeated", "true_peak"), *STATISTICS):
        if isinstance(measured.get(name), int | float):
            found[name] = float(measured[name])
    if isinstance(colour, Sequence) and not isinstance(colour, str):
        found |= {f"colour {i}": float(each) for i, each in enumerate(colour) if isinstance(each, int | float)}
    if loudness is not None:
        found["loudness"] = loudness
    return {name: value for name, value in found.items() if math.isfinite(value)}


def scale_of(pool: Sequence[Features]) -> dict[str, tuple[float, float]]:
    """The middle and the spread of each feature among some takes; what does not vary is left out."""
    found = {}
    for name in sorted({name for each in pool for name in each}):
        values = [each[name] for each in pool if name in each]
        mean = math.fsum(values) / len(values)
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
        if spread > 1e-9:
            found[name] = (mean, spread)
    return found


def pairs_of(judged: Sequence[Judged], chosen: Sequence[tuple[str, str]] = ()) -> list[tuple[Judged, Judged]]:
    """The better and the worse of takes that were graded apart, and of comparisons ``chosen`` (better, worse)."""
    by_key = {each.key: each for each in judged}
    found = [(one, other) for one in judged for other in judged if one.grade >= other.grade + 1]
    return found + [(by_key[one], by_key[other]) for one, other in chosen if one in by_key and other in by_key]


def learn(pairs: Sequence[tuple[Judged, Judged]], scale: Mapping[str, tuple[float, float]]) -> Taste:
    """The taste that pairs tell of. All of them together count as much as there are takes in them: they share these."""
    takes = {each.key for pair in pairs for each in pair}
    few = pairs[:: -(-len(pairs) // MOST_PAIRS)] if pairs else pairs
    rows = [_apart(better.features, worse.features, scale) for better, worse in few]
    worth = min(1.0, len(takes) / max(len(rows), 1))
    weights = [0.0] * len(scale)
    curvature = _curvature(rows, weights, worth)
    for _ in range(_STEPS):
        wrong = [1 - _logistic(_dot(row, weights)) for row in rows]
        slope = [
            worth * math.fsum(miss * row[i] for miss, row in zip(wrong, rows, strict=True)) - weights[i] / PRIOR**2
            for i in range(len(weights))
        ]
        step = [_dot(row, slope) for row in _inverse(curvature)]
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        curvature = _curvature(rows, weights, worth)
        if max(map(abs, step), default=0.0) < _ENOUGH:
            break
    return Taste(scale, weights, _inverse(curvature))


def trial(judged: Sequence[Judged], chosen: Sequence[tuple[str, str]] = ()) -> Trial:
    """How well taste orders takes that it did not learn from, beside the plain score: each third by the other two."""
    ranked = sorted(judged, key=lambda each: each.key)
    advantage: dict[str, float] = {}
    right = plain = pairs = 0.0
    for fold in range(FOLDS):
        held = {each.key for each in ranked[fold::FOLDS]}
        known = [each for each in ranked if each.key not in held]
        seen = pairs_of(known, chosen)
        asked = pairs_of([each for each in ranked if each.key in held], chosen)
        if not seen or not asked:
            continue
        taste = learn(seen, scale_of([each.features for each in known]))
        for better, worse in asked:
            by_taste = _right(taste.prefers(better.features, worse.features) - 0.5)
            by_score = _right((better.plain or 0.0) - (worse.plain or 0.0)) if _both(better, worse) else 0.5
            right, plain, pairs = right + by_taste, plain + by_score, pairs + 1
            for each in (better, worse):
                advantage[each.key] = advantage.get(each.key, 0.0) + by_taste - by_score
    share = (right / pairs, plain / pairs) if pairs else (0.0, 0.0)
    enough = min(
        sum(each.grade > _middle(judged) for each in judged), sum(each.grade < _middle(judged) for each in judged)
    )
    return Trial(len(judged), int(pairs), *share, _ahead(list(advantage.values())) if enough >= LEAST_EACH else 0.0)


def _middle(judged: Sequence[Judged]) -> float:
    grades = [each.grade for each in judged]
    return (min(grades) + max(grades)) / 2 if grades else 0.0


def _both(better: Judged, worse: Judged) -> bool:
    return better.plain is not None and worse.plain is not None


def _ahead(values: Sequence[float]) -> float:
    """The mean of some advantages in standard errors of it."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean / (spread / math.sqrt(len(values))) if spread > 0 else math.copysign(math.inf, mean) if mean else 0.0


def _right(difference: float) -> float:
    return 1.0 if difference > 1e-12 else 0.0 if difference < -1e-12 else 0.5


def _apart(one: Features, other: Features, scale: Mapping[str, tuple[float, float]]) -> list[float]:
    """By how many spreads two takes differ in each feature; 0 where one of them lacks it."""
    return [
        (one[name] - other[name]) / spread if name in one and name in other else 0.0
        for name, (_, spread) in scale.items()
    ]


def _curvature(rows: Sequence[Sequence[float]], weights: Sequence[float], worth: float) -> list[list[float]]:
    """The second derivative of the (negative) log posterior."""
    size = len(weights)
    found = [[1 / PRIOR**2 if i == j else 0.0 for j in range(size)] for i in range(size)]
    for row in rows:
        chance = _logistic(_dot(row, weights))
        bend = worth * chance * (1 - chance)
        for i in range(size):
            scaled = bend * row[i]
            line = found[i]
            for j in range(size):
                line[j] += scaled * row[j]
    return found


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Of a symmetric positive matrix, by elimination."""
    size = len(matrix)
    rows = [[*line, *(float(i == j) for j in range(size))] for i, line in enumerate(matrix)]
    for i in range(size):
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for j in range(size):
            if j != i and (factor := rows[j][i]):
                rows[j] = [value - factor * other for value, other in zip(rows[j], rows[i], strict=True)]
    return [line[size:] for line in rows]


def _root(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """The lower triangle whose product with itself, turned over, is a symmetric positive matrix (Cholesky)."""
    size = len(matrix)
    rows = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - math.fsum(rows[i][k] * rows[j][k] for k in range(j))
            rows[i][j] = math.sqrt(max(rest, 0.0)) if i == j else rest / rows[j][j] if rows[j][j] > 0 else 0.0
    return rows


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
