"""What is different between two settings, in a few words: "bpm 96 -> 104, caption +2 words"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from engine.fields import plain
from engine.request import FIELDS
from sessions.settings import TABLES, Settings, holds_choices

_LONGEST = 24


def summary(before: Settings, after: Settings) -> str:
    """The changes in the order of the file, empty where there are none; keys beside the recipe name their table."""
    found = []
    for table in TABLES:
        prefix = "" if table == "recipe" else f"{table}."
        unset = "none" if table == "loop" else "auto"
        found += [prefix + change for change in _changes(before.values(table), after.values(table), unset)]
    return ", ".join(found)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], unset: str) -> Iterator[str]:
    names = {**old, **new}
    for name in [*(name for name in FIELDS if name in names), *(name for name in names if name not in FIELDS)]:
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if name in FIELDS and holds_choices(FIELDS[name]):
            yield f"{name} {_words(str(was or ''), str(now or ''))}"
        else:
            yield f"{name} {_shown(was, unset)} -> {_shown(now, unset)}"


def _words(was: str, now: str) -> str:
    """How many words came and went; of a text of several lines, how many lines."""
    unit, old, new = ("lines", was.splitlines(), now.splitlines())
    if max(len(old), len(new)) <= 1:
        unit, old, new = ("words", was.split(), now.split())
    # A line that is repeated often, as choruses are, is no "junk" here.
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    gone = sum(end - start for kind, start, end, _, _ in steps if kind in ("delete", "replace"))
    come = sum(end - start for kind, _, _, start, end in steps if kind in ("insert", "replace"))
    counts = " ".join([*([f"+{come}"] if come else []), *([f"-{gone}"] if gone else [])])
    if not counts:
        return "spacing"
    return f"{counts} {unit if (come, gone) not in ((1, 0), (0, 1), (1, 1)) else unit[:-1]}"


def _shown(value: object, unset: str = "auto") -> str:
    if value is None:
        return unset
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        value = f"[{', '.join(_shown(entry) for entry in value[:6])}{', ...' if len(value) > 6 else ''}]"
    elif isinstance(value, Mapping):
        value = "{" + ", ".join(f"{name} {_shown(entry)}" for name, entry in value.items()) + "}"
    words = " ".join(plain(value).split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."
