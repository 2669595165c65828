"""Lyrics as sections and lines: where tags, modifiers, backing vocals and loud words are, to the character.

Lines and columns count from 0, as editors do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from engine.values import STRUCTURE_TAGS

TAG = "tag"
MODIFIER = "modifier"
BACKING = "backing"
LOUD = "loud"
OPEN = "open"
"""Kinds of spans. An open one is a bracket that its line never closes: its words would be sung."""

_NO_SECTION = frozenset(
    tag.strip("[]").lower() for group in ("vocal control", "energy and emotion") for tag in STRUCTURE_TAGS[group]
)
"""Tags that say how a section sounds, and begin none."""

_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_PARENTHESES = re.compile(r"[(（][^()（）]*[)）]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MODIFIER = re.compile(r"\s[-–—]\s")
_MANY_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Span:
    """A stretch of a line, ``end`` not included."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Tag:
    """A tag in brackets: ``[Chorus - anthemic, wide]`` has a name and two modifiers."""

    name: str
    modifiers: tuple[str, ...]
    start: int
    end: int

    @property
    def begins_section(self) -> bool:
        """Whether a line of this tag begins a section: ``[whispered]`` goes on with the one it stands in."""
        return self.name.lower() not in _NO_SECTION


@dataclass(frozen=True)
class Section:
    """Lines ``first`` to ``last``, both included; ``title`` is its tag without brackets, empty before the first tag."""

    title: str
    first: int
    last: int


@dataclass(frozen=True)
class Folded:
    """A section in one line: how many lines are sung in it, and the first of them."""

    section: Section
    sung: int
    words: str


def lines_of(text: str) -> list[str]:
    """The lines as an editor has them: there is always one, and a last line end opens another."""
    lines = text.splitlines()
    return [*lines, ""] if not lines or text[-1] in "\r\n" else lines


@lru_cache(maxsize=2048)
def tags(line: str) -> tuple[Tag, ...]:
    """Every tag of a line, in order."""
    found = []
    for match in _BRACKETS.finditer(line):
        name, *modifiers = _MODIFIER.split(match.group()[1:-1])
        each = tuple(part for joined in modifiers for part in map(str.strip, joined.split(",")) if part)
        found.append(Tag(name.strip(), each, match.start(), match.end()))
    return tuple(found)


@lru_cache(maxsize=2048)
def spans(line: str) -> tuple[Span, ...]:
    """What is not plain in a line, in order and without overlaps."""
    found: list[Span] = []
    for match in _BRACKETS.finditer(line):
        dash = _MODIFIER.search(line, match.start(), match.end())
        if dash is None:
            found.append(Span(match.start(), match.end(), TAG))
        else:
            found.append(Span(match.start(), dash.start(), TAG))
            found.append(Span(dash.start(), match.end() - 1, MODIFIER))
            found.append(Span(match.end() - 1, match.end(), TAG))
    behind = found[-1].end if found else 0
    opened = line.find("[", behind)
    if opened >= 0:
        found.append(Span(opened, len(line), OPEN))
    found += _free(found, (Span(m.start(), m.end(), BACKING) for m in _PARENTHESES.finditer(line)))
    found += _free(found, (Span(m.start(), m.end(), LOUD) for m in _WORD.finditer(line) if _is_loud(m.group())))
    return tuple(sorted(found, key=lambda span: span.start))


def _free(taken: Sequence[Span], wanted: Iterable[Span]) -> list[Span]:
    """Those of the wanted spans that touch none of the taken ones."""
    return [span for span in wanted if all(span.end <= other.start or other.end <= span.start for other in taken)]


def _is_loud(word: str) -> bool:
    """In capitals throughout, and longer than the one letter of "I" and "A"."""
    letters = [letter for letter in word if letter.isalpha()]
    return len(letters) > 1 and all(letter.isupper() for letter in letters)


def is_tag_line(line: str) -> bool:
    """Whether a line holds tags and nothing that is sung."""
    return bool(tags(line)) and not sung(line)


def sung(line: str, *, backing: bool = True) -> str:
    """The words of a line that are sung: without tags and, if asked for, without backing vocals."""
    words = _BRACKETS.sub(" ", line)
    if not backing:
        words = _PARENTHESES.sub(" ", words)
    return " ".join(words.split())


def sections(lines: Sequence[str]) -> tuple[Section, ...]:
    """The sections of a text; together they hold every line. What stands before the first tag is one if it is sung."""
    starts = [(number, tags(line)[0]) for number, line in enumerate(lines) if _opens(line)]
    if not starts or any(line.strip() for line in lines[: starts[0][0]]):
        starts.insert(0, (0, Tag("", (), 0, 0)))
    elif starts[0][0]:
        starts[0] = (0, starts[0][1])
    bounds = [number for number, _ in starts] + [max(len(lines), 1)]
    return tuple(
        Section(_title(tag), first, end - 1) for (_, tag), (first, end) in zip(starts, pairwise(bounds), strict=True)
    )


def _opens(line: str) -> bool:
    return is_tag_line(line) and tags(line)[0].begins_section


def _title(tag: Tag) -> str:
    return " - ".join([tag.name, *([", ".join(tag.modifiers)] if tag.modifiers else [])])


def section_at(parts: Sequence[Section], line: int) -> int:
    """The index of the section that a line is in; beyond the end it is the last."""
    return next((index for index, part in enumerate(parts) if line <= part.last), len(parts) - 1)


def next_section(parts: Sequence[Section], line: int) -> int:
    """The line of the next section's tag; the same line where there is none."""
    return next((part.first for part in parts if part.first > line), line)


def previous_section(parts: Sequence[Section], line: int) -> int:
    """The line of this section's tag, or from there that of the one before."""
    return next((part.first for part in reversed(parts) if part.first < line), line)


def folded(lines: Sequence[str]) -> tuple[Folded, ...]:
    """Every section in one line."""
    found = []
    for part in sections(lines):
        words = [text for text in map(sung, lines[part.first : part.last + 1]) if text]
        found.append(Folded(part, len(words), words[0] if words else ""))
    return tuple(found)


def formatted(text: str) -> str:
    """``text`` in good order: no blanks at the ends, one blank line before every section, tags without stray blanks.

    Words stay as they are, and so does their order; formatting twice is formatting once.
    """
    lines: list[str] = []
    for line in (_tidy(line) for line in lines_of(text)):
        if not line and (not lines or not lines[-1]):
            continue
        if _opens(line) and lines and lines[-1]:
            lines.append("")
        lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _tidy(line: str) -> str:
    """A line without blanks at its ends; inside, single ones in tags, while words keep theirs."""
    return _BRACKETS.sub(lambda tag: f"[{_MANY_BLANKS.sub(' ', tag.group()[1:-1]).strip()}]", line).strip()
