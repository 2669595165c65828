"""What the studio's own judging is worth on takes whose truth is known: the gate, and the order that scores make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.audio import RATE
from engine.scoring.judging import judge
from tools.nano.measure.held_out import JUDGED_FROM, compose, request_for
from tools.nano.measure.style import Classifier, features
from tools.nano.measure.takes import Renderer, compare, listen


@dataclass(frozen=True)
class Judged:
    """Of all takes of all requests. Truth is from 0 to 1: a third each for tempo, key, and how sure the style is."""

    requests: int
    takes: int
    passed: float
    """The share of takes without a fault."""

    truth_first: float
    """Mean truth of each request's first take by seed."""

    truth_ranked: float
    """Mean truth of the take that scores best; among equals the first."""

    truth_best: float
    """Mean truth of the best that there is."""

    agree: float
    """Of pairs of takes of a request that differ in truth and in score, the share that scores order as truth does."""

    pairs: int
    style_first: float
    """How sure the style is, which no score looks at: of the first by seed."""

    style_ranked: float
    faults: tuple[str, ...]


def measure_judged(engine: Renderer, classifier: Classifier, *, count: int, seeds: int, duration: float) -> Judged:
    """``seeds`` takes of each of ``count`` held-out requests."""
    faults: list[str] = []
    truths, scores, styles = [], [], []
    for number in range(count):
        song = compose(JUDGED_FROM + number, duration=duration)
        request = request_for(song, number, seeds=tuple(range(seeds * number, seeds * (number + 1))))
        rows = []
        for take in engine.render(request):
            audio = np.asarray(take.audio, np.float32)
            verdict = judge(audio, RATE, request.to_dict(), duration=duration)
            faults += [fault.name for fault in verdict.faults][:1]
            heard = compare(listen(audio, song, classifier), song)
            sure = float(classifier.probabilities(features(audio)[None])[0][classifier.styles.index(song.style)])
            worth = ((heard.tempo == "right") + (heard.key == "same") + sure) / 3
            rows.append((worth, verdict.overall.score or 0.0, sure))
        truths.append([row[0] for row in rows])
        scores.append([row[1] for row in rows])
        styles.append([row[2] for row in rows])
    truth, score, style = np.array(truths), np.array(scores), np.array(styles)
    best = score.argmax(axis=1)
    every = np.arange(count)
    agreeing = [
        (row[i] > row[j]) == (told[i] > told[j])
        for row, told in zip(truth, score, strict=True)
        for i in range(seeds)
        for j in range(i)
        if row[i] != row[j] and told[i] != told[j]
    ]
    return Judged(
        requests=count,
        takes=truth.size,
        passed=1 - len(faults) / truth.size,
        truth_first=float(truth[:, 0].mean()),
        truth_ranked=float(truth[every, best].mean()),
        truth_best=float(truth.max(axis=1).mean()),
        agree=float(np.mean(agreeing)) if agreeing else 0.0,
        pairs=len(agreeing),
        style_first=float(style[:, 0].mean()),
        style_ranked=float(style[every, best].mean()),
        faults=tuple(sorted(faults)),
    )
