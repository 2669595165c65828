r"""Texts with choices in them: ``a {warm|cold {dawn|dusk}} mood`` is drawn anew for every batch.

Between braces stand alternatives with bars between them; an alternative may be empty or hold further choices.
``\{``, ``\|``, ``\}`` and ``\\`` are the signs themselves; any other backslash is plain text, and so is a bar outside
braces.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from engine.errors import InvalidRequest

DEEPEST = 16
"""Choices inside choices; far beyond what a person writes, and far below where Python stops."""

_TOKEN = re.compile(r"\\[{|}\\]|[{|}]|[^\\{|}]+|\\")
_TO_ESCAPE = re.compile(r"[{}]|\\(?=[{|}\\])")


@dataclass(frozen=True)
class Choice:
    """Alternatives, each a sequence of plain text and further choices."""

    options: list[list[str | Choice]] = field(default_factory=lambda: [[]])
    opened: int = 0
    """The character at which it begins, counted from 1; 0 is the whole text."""


def parse(text: str) -> Choice:
    """The choices of ``text``, as one choice with a single option. Raises InvalidRequest that names the character."""
    open_choices = [Choice()]
    for token in _TOKEN.finditer(text):
        word = token.group()
        current = open_choices[-1]
        if word == "{":
            if len(open_choices) > DEEPEST:
                raise _refusal("{", token.start() + 1, f"is inside more than {DEEPEST} others")
            inner = Choice(opened=token.start() + 1)
            current.options[-1].append(inner)
            open_choices.append(inner)
        elif word == "|" and current.opened:
            current.options.append([])
        elif word == "}":
            if not current.opened:
                raise _refusal("}", token.start() + 1, "closes nothing")
            open_choices.pop()
        else:
            current.options[-1].append(word[1:] if len(word) == 2 and word[0] == "\\" else word)
    if open_choices[-1].opened:
        raise _refusal("{", open_choices[-1].opened, "is never closed")
    return open_choices[0]


def expand(text: str, rng: random.Random) -> str:
    """``text`` with one alternative of every choice, all equally likely. Raises InvalidRequest as ``parse`` does."""
    return _drawn(parse(text), rng)


def escape(text: str) -> str:
    """``text`` so that expanding it gives ``text`` back: for words from elsewhere, whose braces mean nothing."""
    return _TO_ESCAPE.sub(lambda sign: f"\\{sign.group()}", text)


def _drawn(choice: Choice, rng: random.Random) -> str:
    return "".join(part if isinstance(part, str) else _drawn(part, rng) for part in rng.choice(choice.options))


def _refusal(sign: str, character: int, reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"'{sign}' at character {character} {reason}.",
        f"Choices look like {{warm|cold}}; write \\{sign} for the sign itself.",
    )
