"""Help while a filter or a sort is typed: what a word may go on as, and what is wrong and where. No toolkit."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.errors import EngineError
from sessions.columns import COLUMNS, SYNONYMS, column
from sessions.query_parser import parse, parse_sort

FIRST = (
    *("score", "pinned", "liked", "rejected", "unheard", "rating", "tags", "name", "bpm", "caption", "faulty"),
    *("duration", "seed", "revision", "number", "created", "operation", "keyscale"),
)
"""What people look for most: offered before the rest of the fields."""

_OPERATORS = {"number": ">=", "text": "~", "list": ":", "flag": ""}
_SIGNS = re.compile(r"""[=<>:~()"'!\\]""")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_.]*$")


def going_on(text: str) -> str | None:
    """``text`` with its last word whole, or with an operator behind a field; None where there is nothing to offer."""
    found = _WORD.search(text)
    if found is None or text[: found.start()].endswith(("=", "<", ">", ":", "~", '"', "'")):
        return None
    typed = found.group()
    field = column(typed)
    if field is not None:
        sign = _OPERATORS[field.kind]
        return text + sign if sign else None
    return _completed(text, found.start(), typed)


def meant(text: str) -> str:
    """The filter that ``text`` means: words that are no filter are looked for as they are."""
    text = text.strip()
    if not text or not filter_problem(text) or _SIGNS.search(text):
        return text
    return f'"{text}"'


def sort_going_on(text: str) -> str | None:
    """The same for a sort: fields, each with a minus before it or none."""
    found = _WORD.search(text)
    return None if found is None else _completed(text, found.start(), found.group())


def filter_problem(text: str) -> str:
    """What is wrong with a filter and what to do, in a line; empty where nothing is."""
    return _problem(lambda: parse(text))


def sort_problem(text: str) -> str:
    """The same for a sort."""
    return _problem(lambda: parse_sort(text))


def fields() -> list[str]:
    """Every field, those that people look for most first."""
    return [*FIRST, *(name for name in (*COLUMNS, *SYNONYMS) if name not in FIRST)]


def kind_of(name: str) -> str:
    """What a field holds: number, text, list or flag."""
    field = column(name)
    return field.kind if field is not None else "text"


def _completed(text: str, start: int, typed: str) -> str | None:
    near = next((name for name in fields() if name.startswith(typed.lower()) and name != typed.lower()), None)
    return None if near is None else text[:start] + near


def _problem(read: Callable[[], object]) -> str:
    try:
        read()
    except EngineError as error:
        return str(error)
    return ""
