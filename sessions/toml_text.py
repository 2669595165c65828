"""TOML as text: read with the place of every mistake, and values written as people write them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from sessions.errors import BadSessionFile

_PLACE = re.compile(r"(?P<reason>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_TWICE = re.compile(r"cannot declare \((?P<keys>.*?),?\) twice")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOO_LONG_NUMBER = re.compile(r"[0-9_]{4000,}")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNPRINTED = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_NESTED = re.compile(r"(?:[\[{][^\"'\[\]{}#]*){40,}")


def load(text: str, file: str) -> dict[str, Any]:
    """The table that ``text`` holds; raises BadSessionFile that says where it is wrong in ``file``."""
    body = text.removeprefix("\ufeff")
    if half := _SURROGATE.search(body):
        line, column = place(body, half.start())
        raise BadSessionFile("it holds half a character.", "Type it again.", line=line, column=column, file=file)
    try:
        return tomllib.loads(body)
    except tomllib.TOMLDecodeError as cause:
        found = _PLACE.fullmatch(str(cause))
        reason = found["reason"] if found else str(cause)
        at = (int(found["line"]), int(found["column"])) if found and found["line"] else place(body, len(body))
        reason = _TWICE.sub(_table_twice, f"{reason[:1].lower()}{reason[1:]}")
    except (ValueError, RecursionError):
        odd = _TOO_LONG_NUMBER.search(body) or _NESTED.search(body)
        reason, at = "a value is too large to read", place(body, odd.start() if odd else 0)
    raise BadSessionFile(f"{reason}.", "Mend that line.", line=at[0], column=at[1], file=file)


def _table_twice(found: re.Match[str]) -> str:
    """The parser names a table as Python does; people write it in brackets."""
    names = re.findall("'(.*?)'", found["keys"])
    return f"the table [{'.'.join(names)}] is there twice"


def decode(data: bytes, file: str) -> str:
    """The text of a file in UTF-8, line ends as they are; raises BadSessionFile that says where it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as cause:
        line, column = place(data[: cause.start].decode("utf-8"), cause.start)
        raise BadSessionFile(
            "it is not text in UTF-8.", "Save it as UTF-8.", line=line, column=column, file=file
        ) from None


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, counted from 1 and in characters."""
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def written(value: Any, newline: str = "\n") -> str:
    """A JSON value as TOML: texts of several lines between triple quotes, line by line, everything else on one line."""
    return _lines(value, newline) if isinstance(value, str) and "\n" in value else _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_inline(entry) for entry in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{key_written(name)} = {_inline(entry)}" for name, entry in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    import tomlkit  # here and below: reading does without, and a terminal that opens only reads

    return str(tomlkit.item(value).as_string())


def key_written(name: str) -> str:
    """A key as it is written: bare where that is possible."""
    if _BARE.fullmatch(name):
        return name
    import tomlkit

    return tomlkit.item(name).as_string()


def _lines(text: str, newline: str) -> str:
    """Quotes stay as they are: lyrics are read and edited by people. (tomlkit leaves a bare CR in such texts.)"""
    head, last = (text[:-1], '\\"') if text.endswith('"') else (text, "")
    escaped = head.replace("\\", "\\\\").replace('"""', '""\\"') + last
    body = _UNPRINTED.sub(lambda sign: f"\\u{ord(sign.group()):04X}", escaped).replace("\n", newline)
    # A line end right after the quotes is no part of the text: the first line stands below them.
    return f'"""{newline}{body}"""'
