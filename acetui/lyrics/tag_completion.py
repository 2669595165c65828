"""What a tag that is being typed may become: the documented ones, what the text uses already, and modifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from acetui.lyrics.lyric_text import tags
from engine.values import STRUCTURE_TAGS

_MOODS = ("anthemic", "whispered", "building", "layered vocals", "stripped back", "half time", "a cappella", "soaring")
"""Modifiers that say how a section is played or sung, beside the documented tags of voice and energy."""

_NUMBERED = ("Verse",)
_OPEN_TAG = re.compile(r"\[([^\[\]]*)$")
_DASH = re.compile(r"^(.*\S)\s+[-–—]\s*(.*)$")
_NUMBER = re.compile(r"^(.*\S)\s+([0-9]{1,3})$")


def documented() -> list[str]:
    """The documented tags without brackets, in their order."""
    return [tag.strip("[]") for group in STRUCTURE_TAGS.values() for tag in group]


def modifiers() -> list[str]:
    """What may stand behind the dash."""
    spoken = [tag.strip("[]") for group in ("vocal control", "energy and emotion") for tag in STRUCTURE_TAGS[group]]
    return list(dict.fromkeys((*_MOODS, *spoken)))


def completions(lines: Sequence[str], line: int, column: int) -> list[str]:
    """The rests that complete the tag at the cursor, the likeliest first; none where no tag is being typed.

    Each is what would be typed from here on, the closing bracket included unless it stands there already.
    """
    text = lines[line] if line < len(lines) else ""
    found = _OPEN_TAG.search(text[:column])
    if found is None or text[column:].strip() not in ("", "]"):
        return []
    typed, close = found.group(1), "" if text[column:].startswith("]") else "]"
    dashed = _DASH.match(typed)
    if dashed:
        rests = _rests(modifiers(), dashed.group(2).rsplit(",", 1)[-1].lstrip())
    elif typed.strip():
        rests = _rests(_candidates([*lines[:line], *lines[line + 1 :]]), typed.lstrip())
    else:
        rests = []
    return [rest + close for rest in rests if rest + close]


def _candidates(lines: Iterable[str]) -> list[str]:
    """Numbered sections go on counting; then the documented tags; then what this text calls its own."""
    used = [tag.name for line in lines for tag in tags(line) if tag.name]
    found = [f"{name} {_next_number(used, name)}" for name in _NUMBERED]
    return list(dict.fromkeys([*found, *documented(), *used]))


def _next_number(used: Iterable[str], name: str) -> int:
    numbers = [0]
    for tag in used:
        match = _NUMBER.match(tag)
        if match and match.group(1).lower() == name.lower():
            numbers.append(int(match.group(2)))
    return max(numbers) + 1


def _rests(candidates: Iterable[str], begun: str) -> list[str]:
    """What is missing of every candidate that begins like this; a tag that is whole already only wants closing."""
    if not begun:
        return list(candidates)
    low = begun.lower()
    return list(dict.fromkeys(word[len(begun) :] for word in candidates if word[: len(begun)].lower() == low))
