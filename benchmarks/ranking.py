"""Is the ranking better than none? Pools of synthesised songs whose order is known, because their faults were made.

A pool is a request (style, tempo, key) and takes that follow it or do not: songs of other seeds as asked, a fifth away
from the key, a quarter faster, both; and each of them clipped. How many things are wrong is the true order. Ours is the
order by the overall with what did not pass the gate last. Luck is any order; the order of seeds is one such. The trap
is two bars of a take as asked, over and over: the steadiest beat and the clearest key of the pool.

What a planner says of a take has another level for every caption. How that is dealt with is tried on all takes in one
list, with such a part made up: another level in each pool, and a little more for the half of the takes that say what
was asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Area, Row, Target
from engine.audio import RATE
from engine.scoring.judging import Judgement, judge
from engine.scoring.pooling import scales_of
from engine.scoring.ranking import STEPS, Overall, overall
from engine.scoring.tempo import RANGE
from tools.nano.measure.held_out import HELD_OUT
from tools.nano.music import compose, render
from tools.nano.music.song import Song

Audio = npt.NDArray[np.float32]

PLAYED = {"lyrics": "[Instrumental]"}
POOLS_FROM = HELD_OUT + 4_000_000
FASTER, FIFTH = 1.25, 7
"""What a wrong tempo and a wrong key are: heard as what they are, they are neither an octave nor a relative away."""

CLIPPED_DB = 18.0
MADE_UP = {"low": 0.45, "high": 0.85, "more": 0.06, "spread": 0.02}
"""Of a made-up part: its lowest and highest level, how much more what was asked for has, and how it scatters."""

BETTER_THAN_LUCK = Target("ours", 0.0, "> 0", at_least=True)
NEVER = Target("ours", 0.0, "0 %", at_least=False)


@dataclass(frozen=True)
class Sizes:
    """How many pools, and how long their takes are."""

    pools: int = 40
    seconds: float = 24.0
    rounds: int = 2
    """Songs of each kind in a pool."""

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(1, 9.0, 1)


@dataclass(frozen=True)
class Take:
    """A take of a pool: how many things are wrong with it, and what was found."""

    wrong: int
    found: Judgement

    @property
    def worth(self) -> float:
        """What ours ranks by: the overall, below all others where the gate found something."""
        return (self.found.overall.score or 0.0) - bool(self.found.faults)


def run(sizes: Sizes) -> list[Area]:
    """All four tables."""
    pools, traps = [], []
    for number in range(sizes.pools):
        print(f"\r[ranking] {number + 1} of {sizes.pools}", end="", file=sys.stderr, flush=True)
        pool, trap = _pool(POOLS_FROM + 100 * number, sizes)
        pools.append(pool)
        traps.append((pool, trap))
    print(file=sys.stderr)
    rng = np.random.default_rng(0)
    shuffled = [[pool[i] for i in rng.permutation(len(pool))] for pool in pools]
    return [_order(shuffled), _first(shuffled), _trap(traps), _together(pools)]


def _pool(seed: int, sizes: Sizes) -> tuple[list[Take], Take]:
    """The takes of one request, and the trap."""
    like = compose(seed, duration=sizes.seconds)
    request = {**PLAYED, "bpm": like.bpm, "keyscale": like.key}
    bpm = round(like.bpm * FASTER if like.bpm * FASTER <= RANGE[1] else like.bpm / FASTER)
    key = _fifth_above(like)
    asked = [(0, like.bpm, like.key), (1, bpm, like.key), (1, like.bpm, key), (2, bpm, key)]
    takes, first = [], None
    for number, (wrong, tempo, keyscale) in enumerate(sizes.rounds * asked):
        song = compose(
            seed + 1 + number, style=like.style, bpm=tempo, key=keyscale, meter=like.meter, duration=sizes.seconds
        )
        sound = np.asarray(render(song), np.float32)
        first = sound if first is None else first
        takes.append(Take(wrong, judge(sound, RATE, request)))
        takes.append(Take(wrong + 1, judge(_clipped(sound), RATE, request)))
    assert first is not None
    bars = round(2 * like.bar_beats * like.beat_seconds * RATE)
    looped = np.tile(first[:, bars : 2 * bars], 1 + first.shape[1] // bars)[:, : first.shape[1]]
    return takes, Take(1, judge(looped, RATE, request))


def _fifth_above(song: Song) -> str:
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    return f"{names[(song.tonic + FIFTH) % 12]} {song.mode}"


def _clipped(sound: Audio) -> Audio:
    return np.clip(sound * np.float32(10 ** (CLIPPED_DB / 20)), -0.9, 0.9)


def tau(values: Sequence[float], truth: Sequence[int]) -> float:
    """Kendall's tau-b between what is ranked by (more is better) and how much is wrong (less is better): -1 to 1."""
    agree = ours = theirs = 0
    for i, j in combinations(range(len(values)), 2):
        one, other = np.sign(values[i] - values[j]), np.sign(truth[j] - truth[i])
        agree += int(one * other)
        ours += one != 0
        theirs += other != 0
    return agree / (ours * theirs) ** 0.5 if ours and theirs else 0.0


def _order(pools: list[list[Take]]) -> Area:
    """How well each way to rank keeps the true order."""
    area = Area(f"Order in {len(pools)} pools of {len(pools[0])} takes: Kendall's tau-b", ("mean", ""))

    def row(what: str, values: Callable[[list[Take]], Sequence[float]], **options: Target) -> None:
        found = [tau(values(pool), [take.wrong for take in pool]) for pool in pools]
        area.rows.append(Row(what, float(np.mean(found)), unit="", note=f"worst pool {min(found):.2f}", **options))

    row("overall, gate first", lambda pool: [take.worth for take in pool], target=BETTER_THAN_LUCK)
    row("the same, parts brought to the pool's spread", _in_pool)
    row("without the gate", lambda pool: [_ungated(take) for take in pool])
    row("tempo and key alone", lambda pool: [sum(_parts(take, "tempo", "key")) for take in pool])
    row("sound alone", lambda pool: _parts_of(pool, "signal"))
    row("steadiest beat", lambda pool: [take.found.measured["bpm_confidence"] for take in pool])
    row("order of seeds", lambda pool: [-float(i) for i in range(len(pool))])
    return area


def _first(pools: list[list[Take]]) -> Area:
    """How often what comes first is one of the best."""
    area = Area("What comes first is one of the truly best", ("of pools", ""))
    luck = 100 * float(np.mean([_best(pool) for pool in pools]))

    def row(what: str, first: Callable[[list[Take]], Take]) -> None:
        hits = [first(pool).wrong == min(take.wrong for take in pool) for pool in pools]
        area.rows.append(Row(what, 100 * float(np.mean(hits)), unit="%", note=f"by luck {luck:.0f} %"))

    row("overall, ties by number", lambda pool: max(pool, key=lambda take: take.worth))
    row("steadiest beat", lambda pool: max(pool, key=lambda take: take.found.measured["bpm_confidence"]))
    row("order of seeds", lambda pool: pool[0])
    return area


def _trap(traps: list[tuple[list[Take], Take]]) -> Area:
    """How often two bars over and over come before every take as asked that passed the gate."""
    area = Area("The trap: two bars of a take as asked, over and over", ("of pools", ""))
    faulty = 100 * float(np.mean([bool(trap.found.faults) for _, trap in traps]))

    def row(what: str, worth: Callable[[Take], float], **options: Target) -> None:
        hits = [worth(trap) >= max(worth(take) for take in pool if take.wrong == 0) for pool, trap in traps]
        area.rows.append(Row(what, 100 * float(np.mean(hits)), unit="%", **options))

    area.notes.append(f"The gate calls {faulty:.0f} % of the traps what they are.")
    row("first, or level with the first, by the overall", lambda take: take.worth, target=NEVER)
    row("by the overall without the gate", _ungated)
    row("by the steadiest beat", lambda take: take.found.measured["bpm_confidence"])
    return area


def _together(pools: list[list[Take]]) -> Area:
    """How well one list of every pool's takes is ordered that passed the gate, with a made-up part beside theirs."""
    area = Area(f"All takes of {len(pools)} pools in one list, with a made-up meaning: Kendall's tau-b", ("tau", ""))
    plain: list[float] = []
    placed: list[float] = []
    wrong: list[int] = []
    rng = np.random.default_rng(0)
    for pool in pools:
        level = rng.uniform(MADE_UP["low"], MADE_UP["high"])
        measures = []
        for take in (take for take in pool if not take.found.faults):
            said = bool(rng.integers(2))
            value = level + MADE_UP["more"] * (said - 0.5) + MADE_UP["spread"] * rng.normal()
            measures.append({**take.found.parts, "semantic": float(np.clip(value, 0, 1))})
            wrong.append(take.wrong + (not said))
        scales = scales_of(measures)
        plain += [overall(each, PLAYED).score or 0.0 for each in measures]
        placed += [overall(each, PLAYED, {}, scales).score or 0.0 for each in measures]
    area.rows.append(Row("the part as it is in its pool", tau(placed, wrong), unit="", target=BETTER_THAN_LUCK))
    area.rows.append(Row("the part as it is", tau(plain, wrong), unit=""))
    return area


def _best(pool: list[Take]) -> float:
    least = min(take.wrong for take in pool)
    return sum(take.wrong == least for take in pool) / len(pool)


def _in_pool(pool: list[Take]) -> list[float]:
    values = in_pool([take.found.overall for take in pool])
    return [(value or 0.0) - 100.0 * bool(take.found.faults) for value, take in zip(values, pool, strict=True)]


def _ungated(take: Take) -> float:
    return take.found.overall.score or 0.0


def _parts(take: Take, *names: str) -> list[float]:
    return [take.found.parts.get(name, 0.0) for name in names]


def _parts_of(pool: list[Take], name: str) -> list[float]:
    return [_parts(take, name)[0] for take in pool]


def in_pool(pool: Sequence[Overall]) -> list[float | None]:
    """The overalls of a pool with each part brought to the pool's own middle and spread first: 0 is its typical take.

    A part that varies little then counts as much as one that varies a lot.
    """
    names = dict.fromkeys(part.name for take in pool for part in take.parts)
    scales = {name: _scale([_value(take, name) for take in pool]) for name in names}
    found: list[float | None] = []
    for take in pool:
        there = [
            (part.weight, (part.value - scales[part.name][0]) / scales[part.name][1])
            for part in take.parts
            if part.value is not None
        ]
        have = sum(weight for weight, _ in there)
        found.append(sum(weight * value for weight, value in there) / have if take.score is not None else None)
    return found


def _value(take: Overall, name: str) -> float | None:
    return next((part.value for part in take.parts if part.name == name), None)


def _scale(values: Sequence[float | None]) -> tuple[float, float]:
    """The median of what is there, and how far from it values lie on average; at least a step."""
    there = [value for value in values if value is not None]
    if not there:
        return 0.0, 1.0
    middle = median(there)
    return middle, max(sum(abs(value - middle) for value in there) / len(there), 1 / STEPS)
