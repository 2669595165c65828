"""Why a take scores as it does, and what was asked, planned and sent for it, as lines of words. No toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from acetui.browsing.take_facts import OPEN, PLANNED, decided, decimal
from acetui.looks.signs import Looks
from acetui.looks.text_cells import safe
from engine.scoring.agreement import unsure
from engine.scoring.ranking import MEASURED, PART_NAMES

Line = tuple[str, str]

_BAR = 20
_TEXTS = ("caption", "lyrics")
_RUNS = ("seed", "seeds", "batch_size", "use_random_seed", "retake_seed")
"""What differs from take to take of one recipe."""


def lines(
    take: Mapping[str, Any], asked: Mapping[str, Any], why: Mapping[str, Any], looks: Looks, width: int
) -> list[Line]:
    """Everything. ``asked`` is the recipe of the take's revision, ``why`` what the studio says of its score."""
    found = [*_score(take, why, looks, width), *_faults(take), *_heard(take)]
    found += [*_sent(take, asked, width), *_plan(take, width), *_made(take)]
    return [(looks.words(words), kind) for words, kind in found]


def _score(take: Mapping[str, Any], why: Mapping[str, Any], looks: Looks, width: int) -> list[Line]:
    if not take["parts"] and take.get("score") is None:
        return [("Score", "heading"), ("  none: nothing has judged it.", "text")]
    kind = {"vocal": ", sung", "instrumental": ", played"}.get(str(why.get("kind")), "")
    score = "none" if take.get("score") is None else decimal(take["score"])
    found: list[Line] = [(f"Score {score}{kind}", "heading")]
    for part in why.get("parts") or [{"name": name, "value": value} for name, value in take["parts"].items()]:
        words, kind = _part(part, take["parts"], looks), "text" if part["value"] is not None else "quiet"
        line, mark, of = words.rpartition(" (") if len(words) > width else (words, "", "")
        found += [(line, kind), *([(f"    ({of}", kind)] if mark else [])]
    if not take["parts"]:
        found.append(("  It has no parts.", "text"))
    return [*found, *((f"  {part}", "quiet") for words in _standing(take, why) for part in _wrapped(words, width - 2))]


def _part(part: Mapping[str, Any], measures: Mapping[str, float], looks: Looks) -> str:
    """A part with its bar, its weight, and what it is the mean of."""
    name, value = part["name"], part["value"]
    weight = f"  weight {part['weight']:g}" if "weight" in part else ""
    head = f"  {PART_NAMES.get(name, safe(name)):<14} "
    if value is None:
        return f"{head}  –  {'missing':<{_BAR}}{weight}"
    of = [f"{each} {decimal(measures[each])}" for each in MEASURED.get(name, ()) if each in measures]
    if pool := part.get("pool"):
        of = [f"{decimal(part['raw'])} beside {decimal(pool['middle'])} of {pool['takes']} alike"]
    more = f" ({', '.join(of)})" if of else ""
    return f"{head}{decimal(value):>3}  {looks.bar(value, _BAR)}{weight}{more}"


def _standing(take: Mapping[str, Any], why: Mapping[str, Any]) -> Iterator[str]:
    """Where it stands among takes like it, or why it stands nowhere."""
    standing, present = why.get("standing"), why.get("present")
    if take.get("score") is None and present is not None:
        yield f"{present:.0%} of the weights are there; a score needs half of them."
    elif take.get("score") is not None and present is not None and present < 0.995:
        yield f"It comes of {present:.0%} of the weights; what is missing is left out."
    if standing is None:
        yield (
            "It did not pass, so it is ranked behind all that did."
            if take["faults"]
            else "Scores compare takes of one kind."
        )
        return
    ties = "" if not standing["ties"] else f", level with {standing['ties']} more"
    if standing["pool"] == 1:
        yield "It is the only take that was asked so."
    else:
        yield f"Place {standing['place']} of the {standing['pool']} takes that were asked alike{ties}."
    above = [(PART_NAMES.get(name, name), share) for name, share in standing["above"].items() if share is not None]
    if above:
        yield "Above " + ", ".join(f"{share:.0%} of them in {name}" for name, share in above) + "."


def _heard(take: Mapping[str, Any]) -> list[Line]:
    """What was measured in it, beside what it was made for."""
    heard = take.get("measured") or {}
    found: list[Line] = []
    for name, unit in (("bpm", " bpm"), ("keyscale", "")):
        if name in heard:
            wanted, planned = decided(take, name)
            whose = "the planner chose" if planned else "asked for"
            said = f"{whose} {_shown(wanted)}" if wanted not in OPEN else "not asked for"
            kept = heard.get("kept")
            if isinstance(kept, Mapping) and name in kept:
                said = f"{_shown(kept[name])} in the take that it is made from"
            if wanted not in OPEN and unsure(heard, name):
                said += "; not sure, so it does not count"
            found.append((f"  {_shown(heard[name])}{unit} ({said})", "text"))
    if "lyric_alignment_planned" in heard:
        found.append((f"  the words, in its audio codes alone: {decimal(heard['lyric_alignment_planned'])}", "quiet"))
    if "true_peak" in heard:
        found.append((f"  true peak {heard['true_peak']:.1f} dBTP", "quiet"))
    if heard.get("repeated"):
        found.append((f"  {heard['repeated']:.0%} of it comes again nearly exactly", "quiet"))
    return [("", "text"), ("Heard", "heading"), *found] if found else []


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
    for name in [*(name for name in PLANNED if name in plan), *(name for name in plan if name not in PLANNED)]:
        own = take["request"].get(name)
        if name not in PLANNED:  # of the plan itself: its seed, and which planner made it
            found += _named(name, plan[name], width) if plan[name] is not None else []
            continue
        found += _named(name, plan[name], width)
        if own in OPEN:
            found.append(("    was left open", "quiet"))
        elif own != plan[name]:
            found += [(f"    asked: {line}", "mark") for line in _wrapped(own, width - 11)]
    return found


def _made(take: Mapping[str, Any]) -> list[Line]:
    found: list[Line] = [("", "text"), ("Made", "heading")]
    choice = take.get("choice")
    if isinstance(choice, Mapping) and "words" in choice:
        found.append((f"  chosen by taste: {safe(str(choice['words']))}", "text"))
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
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
