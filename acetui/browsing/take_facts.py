"""What is worth knowing of a take, as lines of words, the most telling first. No toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acetui.browsing.take_rows import MARKS, Row, age_of
from acetui.how_long import clock_time, lasting
from acetui.looks.signs import Looks
from acetui.looks.text_cells import safe

OPEN = (None, "", "unknown")
"""What a request leaves to the planner."""

PLANNED = ("caption", "lyrics", "bpm", "keyscale", "timesignature", "vocal_language", "duration")
"""What a planner says of a song; a plan also has which planner it was, and its seed."""

Line = tuple[str, str]
"""Words, and what kind they are of: ``text``, ``quiet``, ``trouble``, ``mark``."""


def heading(row: Row, looks: Looks, verified: bool | None) -> str:
    """The number, the name, what the take was made from, whether it was rendered again and is the same, the seed."""
    words = [str(row.number), safe(row.name)]
    if row.parent is not None:
        words.append(f"{row.operation} of {row.parent_number or 'a take that is gone'}")
    if row.sketch:
        words.append("sketch model")
    if verified is not None:
        words.append("verified: identical" if verified else "verified: not the same")
    words.append(f"seed {row.seed}")
    return f" {looks.glyphs.dot} ".join(words)


def lines(take: Mapping[str, Any], row: Row, looks: Looks, now: float) -> list[Line]:
    """Everything, the most telling line first."""
    found = [
        (trouble(row), "trouble"),
        (score(take, looks), "text"),
        (asked(take, looks), "text"),
        (said(take, row, looks), "mark"),
        (history(take, row, looks, now), "quiet"),
        (safe(str(take["request"].get("caption") or "")), "quiet"),
        (made(take, looks), "quiet"),
    ]
    return [(looks.words(words) if kind != "mark" else words, kind) for words, kind in found if words]


def trouble(row: Row) -> str:
    """What is wrong with it."""
    wrong = list(row.faults)
    if row.stored != "whole":
        again = "; finish makes it again" if "latents" in row.stored else ""
        wrong.append(f"its audio is not there{again}")
    return ", ".join(wrong)


def score(take: Mapping[str, Any], looks: Looks) -> str:
    """The score with its parts: ``score .87: lyrics .91, meaning .84``."""
    if take.get("score") is None:
        return "no score"
    from engine.scoring.ranking import PART_NAMES  # a terminal that opens has no score yet

    parts = f" {looks.glyphs.dot} ".join(
        f"{PART_NAMES.get(name, name)} {decimal(value)}" for name, value in take["parts"].items()
    )
    return f"score {decimal(take['score'])}" + (f"   {parts}" if parts else "")


def decimal(value: float) -> str:
    """A share in two digits: ``.87``."""
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.0"


def asked(take: Mapping[str, Any], looks: Looks) -> str:
    """Tempo, key, metre and language that it was made for; those that the planner chose are marked so."""
    words = []
    for name, unit in (("bpm", " bpm"), ("keyscale", ""), ("timesignature", ""), ("vocal_language", "")):
        value, planned = decided(take, name)
        if value not in OPEN:
            value = f"{value:g}" if isinstance(value, float) else safe(str(value))
            words.append(f"{value}{unit}{' (planned)' if planned else ''}")
    steps = take["request"].get("inference_steps")
    words.append(
        f"{take.get('identity', {}).get('profile') or 'model unknown'}" + (f", {steps} steps" if steps else "")
    )
    return f" {looks.glyphs.dot} ".join(words)


def decided(take: Mapping[str, Any], name: str) -> tuple[Any, bool]:
    """What a field was in the end, and whether the planner decided it."""
    own = take["request"].get(name)
    if own not in OPEN:
        return own, False
    planned = take["request"].get(f"cot_{name}")
    return (planned if planned not in OPEN else (take.get("plan") or {}).get(name)), True


def beat(take: Mapping[str, Any]) -> float | None:
    """Seconds of a beat, as the tempo was asked for or planned; None where nobody has said."""
    bpm, _ = decided(take, "bpm")
    return 60.0 / bpm if isinstance(bpm, int | float) and bpm > 0 else None


def said(take: Mapping[str, Any], row: Row, looks: Looks) -> str:
    """What a person said of it: verdicts, rating, tags, note."""
    words = [f"{getattr(looks.glyphs, mark)} {mark}" for mark in MARKS if mark in row.marks and mark != "heard"]
    words += [f"{row.rating} of 5"] if row.rating is not None else []
    words += [f"#{safe(tag)}" for tag in row.tags]
    words += [f"{looks.glyphs.noted} {safe(take['note'])}"] if take.get("note") else []
    return "  ".join(words)


def history(take: Mapping[str, Any], row: Row, looks: Looks, now: float) -> str:
    """Length, revision, age, and whether it was heard."""
    words = [clock_time(row.duration)]
    words += [f"revision {row.revision}"] if row.revision is not None else []
    ago = age_of(row, now)
    words += [f"made {ago} ago" if ago != "now" else "made just now"] if ago else []
    words += [f"{take['loudness']:.1f} LUFS"] if take.get("loudness") is not None else []
    words.append("heard" if "heard" in row.marks else "not heard yet")
    return f" {looks.glyphs.dot} ".join(words)


def made(take: Mapping[str, Any], looks: Looks) -> str:
    """How long it took, by stage."""
    timings = {name: seconds for name, seconds in take.get("timings", {}).items() if isinstance(seconds, int | float)}
    if not timings:
        return ""
    stages = f" {looks.glyphs.dot} ".join(
        f"{name} {_seconds(value)}" for name, value in timings.items() if value >= 0.05
    )
    return f"made in {lasting(sum(timings.values()))}" + (f"   {stages}" if stages else "")


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
