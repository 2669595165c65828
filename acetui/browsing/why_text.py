"""Why a take scores as it does, and what was asked, planned and sent for it, as lines of words. No toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from acetui.browsing.take_facts import OPEN, PART_NAMES, decimal
from acetui.looks.signs import Looks
from acetui.looks.text_cells import safe

Line = tuple[str, str]

_BAR = 24
_TEXTS = ("caption", "lyrics")
_PLANNED = ("caption", "bpm", "keyscale", "timesignature", "vocal_language", "duration")
_RUNS = ("seed", "seeds", "batch_size", "use_random_seed", "retake_seed")
"""What differs from take to take of one recipe."""


def lines(
    take: Mapping[str, Any], asked: Mapping[str, Any], weights: Mapping[str, Any], looks: Looks, width: int
) -> list[Line]:
    """Everything. ``asked`` is the recipe of the take's revision, ``weights`` those that a person has set for parts."""
    found = [*_score(take, weights, looks), *_faults(take)]
    found += [*_sent(take, asked, width), *_plan(take, width), *_made(take)]
    return [(looks.words(words), kind) for words, kind in found]


def _score(take: Mapping[str, Any], weights: Mapping[str, Any], looks: Looks) -> list[Line]:
    if take.get("score") is None:
        return [("Score", "heading"), ("  none: nothing has judged it, or it did not pass.", "text")]
    found: list[Line] = [(f"Score {decimal(take['score'])}", "heading")]
    for name, value in take["parts"].items():
        weight = weights.get(name)
        said = "" if weight is None else f"  weight {weight:g}"
        found.append(
            (f"  {PART_NAMES.get(name, name):<14} {decimal(value):>3}  {looks.bar(value, _BAR)}{said}", "text")
        )
    if not take["parts"]:
        found.append(("  It has no parts.", "text"))
    return [*found, ("  A score means something among takes of one kind; near ones are ties.", "quiet")]


def _faults(take: Mapping[str, Any]) -> list[Line]:
    if not take["faults"]:
        return [("", "text"), ("Faults: none were found.", "text")]
    return [("", "text"), ("Faults", "heading"), *((f"  {safe(fault)}", "trouble") for fault in take["faults"])]


def _sent(take: Mapping[str, Any], asked: Mapping[str, Any], width: int) -> list[Line]:
    """What was sent to the model, and where that is not what the recipe says."""
    found: list[Line] = [("", "text"), ("Asked and sent", "heading")]
    request = take["request"]
    for name in [*_TEXTS, *(name for name in request if name not in _TEXTS)]:
        sent, wanted = request.get(name), asked.get(name)
        if name in _TEXTS or (sent not in OPEN and sent not in ([], {}) and not _is_default(name, sent)):
            found += _named(name, sent, width)
            if wanted not in OPEN and wanted != sent and name not in _RUNS:
                found += [(f"    asked: {line}", "quiet") for line in _wrapped(wanted, width - 11)]
    return found


def _is_default(name: str, value: Any) -> bool:
    from engine.request import FIELDS

    return name in FIELDS and FIELDS[name].default == value


def _plan(take: Mapping[str, Any], width: int) -> list[Line]:
    """What the planner filled in, against what was asked."""
    plan = take.get("plan") or {}
    if not plan:
        return []
    found: list[Line] = [("", "text"), ("Planned", "heading")]
    for name in [*(name for name in _PLANNED if name in plan), *(name for name in plan if name not in _PLANNED)]:
        own = take["request"].get(name)
        found += _named(name, plan[name], width)
        if own in OPEN:
            found.append(("    was left open", "quiet"))
        elif own != plan[name]:
            found += [(f"    asked: {line}", "mark") for line in _wrapped(own, width - 11)]
    return found


def _made(take: Mapping[str, Any]) -> list[Line]:
    found: list[Line] = [("", "text"), ("Made", "heading")]
    found += [
        (f"  {name}: {safe(_shown(value))}", "text") for name, value in take["identity"].items() if value is not None
    ]
    found += [(f"  {name}: {seconds:.2f} s", "quiet") for name, seconds in take["timings"].items()]
    return found


def _named(name: str, value: Any, width: int) -> list[Line]:
    first, *rest = _wrapped(value, width - 4 - len(name)) or ["nothing"]
    return [(f"  {name}: {first}", "text"), *((f"    {line}", "text") for line in rest)]


def _wrapped(value: Any, width: int) -> Sequence[str]:
    lines = _shown(value).splitlines()
    return [safe(part) for line in lines for part in (wrap(line, max(width, 20)) or [""])]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
