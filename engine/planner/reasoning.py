"""The planner's reasoning as text: the YAML of its think block, written as in training and read tolerantly.

Facts: lm.md 2 and 5. Reading takes whatever comes: a block that was never closed, quotes, wrapped lines, odd headers,
values that nobody could use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from engine import values
from engine.values import BPM, TRAINED_SECONDS

FIELDS = ("bpm", "caption", "duration", "keyscale", "language", "timesignature")
"""What a think block may hold, in its order."""

_CODE = re.compile(r"<\|audio_code_(\d+)\|>")
_LYRIC_HEADER = re.compile(r"\A#\s*Lyri(?:cs?|[cs])?[ \t]*:?[ \t]*(?:\n|\Z)", re.IGNORECASE)
_LANGUAGE_HEADER = re.compile(r"\A#\s*Languages?[ \t]*\n[^\n#]{0,64}\n+", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_NOTHING = ("", "n/a", "none", "null")


@dataclass(frozen=True)
class Reasoning:
    """What a text of the planner's says: metadata by the names of its fields, lyrics, and codes."""

    metadata: Mapping[str, Any]
    lyrics: str = ""
    codes: tuple[int, ...] = ()


def think_block(metadata: Mapping[str, Any]) -> str:
    """The block as the planner was trained on it: PyYAML's, sorted, digits as whole numbers; empty where nothing is."""
    told = {name: _plain(name, metadata[name]) for name in FIELDS if metadata.get(name) not in (None, "")}
    written = yaml.safe_dump(told, allow_unicode=True, sort_keys=True).strip() if told else ""
    return f"<think>\n{written}\n</think>"


def _plain(name: str, value: Any) -> Any:
    """A value as YAML is given it: the numerator of a time signature, a whole number for digits and whole seconds."""
    if name == "timesignature":
        value = str(value).removesuffix("/4")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def read(text: str) -> Reasoning:
    """Everything in a text of the planner's; values that cannot be are left out."""
    codes = tuple(int(found) for found in _CODE.findall(text))
    head, closed, tail = text.partition("</think>")
    inside = head.rpartition("<think>")[2] if "<think>" in head else head
    inside = _CODE.split(inside, maxsplit=1)[0]
    raw = _fields(inside)
    metadata = {name: value for name, found in raw.items() if (value := _value(name, found)) is not None}
    return Reasoning(metadata, _lyrics(tail) if closed else "", codes)


def _fields(block: str) -> dict[str, str]:
    """``key: value`` lines with what is indented below them, as one text each."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in block.split("\n"):
        if line.startswith("<") or not line.strip():
            continue
        if line[0] in " \t":
            if current is not None:
                current.append(line.strip())
        elif ":" in line:
            name, _, rest = line.partition(":")
            name = name.strip().lower()
            current = found.setdefault("language" if name == "vocal_language" else name, [])
            current[:] = [rest.strip()]
    return {name: _unquoted(" ".join(part for part in parts if part)) for name, parts in found.items()}


def _unquoted(value: str) -> str:
    """A scalar without the quotes that YAML puts around what would be ambiguous."""
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(yaml.safe_load(value))
        except yaml.YAMLError:
            return value[1:-1]
    return value


def _value(name: str, written: str) -> Any:
    """The value of a field as a request holds it; None where it says nothing, or nothing that can be."""
    reader = _READERS.get(name)
    if reader is None or written.strip().lower() in _NOTHING:
        return None
    try:
        return reader(printable(written))
    except (ValueError, OverflowError):
        return None


def _within(low: float, high: float) -> Callable[[str], int]:
    def read_number(written: str) -> int:
        number = int(float(written))
        if not low <= number <= high:
            raise ValueError
        return number

    return read_number


def _text(written: str) -> str:
    text = written.strip()
    if not text:
        raise ValueError
    return text


_READERS: Mapping[str, Callable[[str], Any]] = {
    "bpm": _within(*BPM),
    "caption": _text,
    "duration": _within(*TRAINED_SECONDS),
    "keyscale": values.keyscale,
    "language": values.language,
    "timesignature": values.time_signature,
}


def _lyrics(tail: str) -> str:
    """The lyrics after the block, without headers and the end of the turn."""
    text = printable(_CODE.sub("", tail.partition("<|im_end|>")[0])).strip()
    for header in (_LANGUAGE_HEADER, _LYRIC_HEADER):
        text = header.sub("", text).strip()
    return text


def printable(text: str) -> str:
    """The text without what a request refuses: control characters, halves of characters; line ends as newlines."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
