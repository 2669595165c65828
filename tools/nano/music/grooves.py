"""Drum patterns: which drum sounds on which sixteenth, for every kit, meter and section."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tools.nano.music.patterns import PULSES, TICKS, eighths

Groove: TypeAlias = dict[str, tuple[tuple[int, float], ...]]
"""Drum to pairs of a tick and a level."""

_KICKS = {
    "dusty": ("x.....x.x..x....", "x..x......x.....", "x.x.......x..x..", "x......xx.x....."),
    "gated": ("x...x...x...x...", "x.......x.......", "x.....x.x......."),
    "acoustic": ("x.......x.x.....", "x.....x.x.......", "x.x.....x.x.....", "x.......x......."),
    "noise": ("x...x...x...x...", "x.......x.x.....", "x...x...x.x.x..."),
    "brushed": ("x.....xox.....xo", "x.....x.x.....x."),
}
_CLAVES = ("x..x..x...x..x..", "x..x...x..x..x..", "x..x..x...x.x...")
_BACKBEAT = {"machine": "clap", "dusty": "snare", "gated": "snare", "acoustic": "snare", "noise": "snare"}


def _written(line: str, ticks: int) -> tuple[tuple[int, float], ...]:
    return tuple((tick, 1.0 if sign == "x" else 0.5) for tick, sign in enumerate(line[:ticks]) if sign != ".")


def groove(kit: str, meter: int, busyness: float, rng: np.random.Generator) -> Groove:
    """The full pattern of a bar; the section decides how much of it is heard."""
    pulses, ticks = PULSES[meter], TICKS[meter]
    beats = range(0, ticks, 4) if meter != 6 else range(0, ticks, 2)
    match kit:
        case "pulse":
            return {"kick": tuple((t, 1.0 if t == 0 else 0.55) for t in range(0, ticks, 4 if meter != 6 else 2))}
        case "shaker":
            step = 1 if busyness > 0.5 else 2
            return {
                "shaker": tuple((t, 1.0 if t % 4 == 0 else 0.6 if t % 2 == 0 else 0.35) for t in range(0, ticks, step))
            }
        case "timpani":
            return {"timpani": ((0, 1.0),)}
    lines: Groove = {}
    if kit == "machine":
        lines["kick"] = tuple((t, 1.0) for t in (pulses if meter != 6 else (0, 6)))
        lines["open hat"] = tuple((t, 0.8) for t in range(2, ticks, 4))
    elif meter == 4:
        lines["kick"] = _written(str(rng.choice(_KICKS[kit])), ticks)
    else:
        lines["kick"] = ((0, 1.0), *(((ticks - 2, 0.7),) if rng.random() < busyness else ()))
    if kit in _BACKBEAT:
        back = pulses[1::2] if meter in (4, 2, 6) else pulses[1:] if rng.random() < 0.6 else pulses[2:]
        lines[_BACKBEAT[kit]] = tuple((t, 1.0) for t in back)
    if kit == "brushed":
        lines["rim"] = _written(str(rng.choice(_CLAVES)) if meter != 3 else "x..x..x.....", ticks)
    step = 1 if busyness > 0.6 and kit != "acoustic" else 2
    lines["hat"] = tuple((t, 1.0 if t in beats else 0.6 if t % 2 == 0 else 0.3) for t in range(0, ticks, step))
    return lines


def played(full: Groove, drums: str, meter: int, place: float) -> Groove:
    """What a section plays of the full pattern; ``place`` (0 to 1) is how far a ``roll`` has built up."""
    match drums:
        case "full":
            return full
        case "light":
            on_eighths = eighths(meter)
            light = {name: hits for name, hits in full.items() if name not in ("open hat", "clap")}
            return {
                name: tuple((t, 0.8 * level) for t, level in hits if name != "hat" or t in on_eighths)
                for name, hits in light.items()
            }
        case "hats":
            kept: list[str] = [name for name in ("hat", "shaker", "rim", "timpani") if name in full] or ["kick"]
            return {name: tuple((t, 0.8 * level) for t, level in full[name]) for name in kept}
        case "roll":
            step = 4 if place < 0.4 else 2 if place < 0.75 else 1
            drum = next((name for name in ("clap", "snare", "rim", "shaker", "timpani") if name in full), "kick")
            return {drum: tuple((t, 0.35 + 0.5 * place) for t in range(0, TICKS[meter], step))}
        case _:
            return {}


def with_fill(bar: Groove, meter: int) -> Groove:
    """The bar with its last beat given to the snare, where there is one."""
    drum = next((name for name in ("snare", "rim") if name in bar), None)
    if drum is None:
        return bar
    last = TICKS[meter] - 4
    fill = tuple((last + i, 0.5 + 0.13 * i) for i in range(4))
    return {**bar, drum: tuple(hit for hit in bar[drum] if hit[0] < last) + fill}
