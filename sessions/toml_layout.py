"""Where things stand in a TOML text: the offsets of headers, keys and values, which no parser at hand gives.

Only for texts that ``sessions.toml_text.load`` has accepted: nothing is checked here again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = re.compile(r"[ \t\r\n\ufeff]*(?:#[^\n]*\n?[ \t\r\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(
    r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:[ \t]*\.[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*"""
)
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}' r"|'''(?:[^']|'(?!''))*'{3,5}" r'|"(?:[^"\\]|\\.)*"' r"|'[^']*'", re.DOTALL
)
_COMMENT = re.compile(r"#[^\n]*")
_PLAIN = re.compile(r"[^\"'#\[\]{}]+")
_SCALAR = re.compile(r"[^#\n]*")


@dataclass(frozen=True)
class Statement:
    """One ``key = value``, from ``start`` (its key) to ``end`` (behind its value); ``path`` begins with the section."""

    path: tuple[str, ...]
    section: tuple[str, ...]
    start: int
    value: int
    end: int


@dataclass(frozen=True)
class Header:
    """One ``[table]`` or ``[[table]]``, from its first bracket to behind its last."""

    path: tuple[str, ...]
    start: int
    end: int
    of_list: bool


@dataclass(frozen=True)
class Layout:
    """Headers and statements in the order of the text."""

    headers: tuple[Header, ...]
    statements: tuple[Statement, ...]

    def find(self, path: tuple[str, ...]) -> int:
        """The offset of the key or header at ``path``, else of what it is nearest inside of; 0 if there is nothing."""
        places = [(s.path, s.start) for s in self.statements] + [(h.path, h.start) for h in self.headers]
        for length in range(len(path), 0, -1):
            if starts := [start for there, start in places if there[:length] == path[:length]]:
                return min(starts)
        return 0


def layout(text: str) -> Layout:
    """The layout of a valid TOML text."""
    headers, statements = [], []
    section: tuple[str, ...] = ()
    at = _skip(_BLANK, text, 0)
    while at < len(text):
        if text[at] == "[":
            of_list = text.startswith("[[", at)
            begin = _skip(_SPACE, text, at + 1 + of_list)
            close = _skip(_KEY, text, begin)
            section = _names(text[begin:close])
            end = _skip(_SPACE, text, close) + 1 + of_list
            headers.append(Header(section, at, end, of_list))
        else:
            close = _skip(_KEY, text, at)
            value = _skip(_SPACE, text, _skip(_SPACE, text, close) + 1)
            end = _value_end(text, value)
            statements.append(Statement(section + _names(text[at:close]), section, at, value, end))
        at = _skip(_BLANK, text, end)
    return Layout(tuple(headers), tuple(statements))


def _skip(what: re.Pattern[str], text: str, at: int) -> int:
    found = what.match(text, at)
    return found.end() if found else at


def _names(dotted: str) -> tuple[str, ...]:
    """The parts of a dotted key; the parser itself unquotes them."""
    return tuple(_chain(tomllib.loads(f"{dotted} = 0")))


def _chain(table: object) -> Iterator[str]:
    while isinstance(table, dict):
        name, table = next(iter(table.items()))
        yield name


def _value_end(text: str, at: int) -> int:
    if text[at] in "\"'":
        return _skip(_STRING, text, at)
    if text[at] not in "[{":
        found = _SCALAR.match(text, at)
        return at + len(found.group().rstrip()) if found else at
    depth = 0
    while True:
        sign = text[at]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
            if not depth:
                return at + 1
        if sign in "\"'":
            at = _skip(_STRING, text, at)
        elif sign == "#":
            at = _skip(_COMMENT, text, at)
        else:
            at = _skip(_PLAIN, text, at) if sign not in "[]{}" else at + 1
