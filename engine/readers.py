"""The forms in which people, JSON and TOML write a value, read as the value that a request holds.

Every reader raises ValueError for what it cannot read, whatever it is given; the text of the error, where it has one,
is the reason in words ("it must be ...").
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from engine import values

ADAPTER_SCALE = (0.0, 2.0)
_LARGEST = sys.float_info.max
_SCALED = re.compile(r"(.+)=([0-9]{1,3}(?:\.[0-9]{1,9})?)")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Adapter:
    """A LoRA or LoKr that a take is made with: a name or path, and how strongly it is applied (0 to 2)."""

    path: str
    scale: float = 1.0

    def to_dict(self) -> dict[str, str | float]:
        """The JSON form."""
        return {"path": self.path, "scale": self.scale}


def text(value: object) -> str:
    """Text with line ends as a newline; refuses control characters and halves of surrogate pairs."""
    if not isinstance(value, str):
        raise ValueError("it must be text")
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    if found := _UNPRINTABLE.search(lines):
        raise ValueError(f"it must be plain text, and holds the character U+{ord(found.group()):04X}")
    return lines


def text_or_none(value: object) -> str | None:
    """Text, or None where it is blank."""
    written = text(value)
    return written if written.strip() else None


def paths(value: object) -> tuple[str, ...]:
    """Names of files from a list, or a single one; blank ones are left out."""
    names = (text_or_none(entry) for entry in (value if isinstance(value, list | tuple) else [value]))
    return tuple(name for name in names if name)


def flag(value: object) -> bool:
    """True or false and nothing else: 1 and "yes" are questions, not answers."""
    if not isinstance(value, bool):
        raise ValueError
    return value


def whole(value: object, low: float | None = None, high: float | None = None) -> int:
    """A whole number in [low, high]; 8.0 is 8, 8.5 and True are refused."""
    number(value, low, high)
    if not isinstance(value, int | float) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def number(value: object, low: float | None = None, high: float | None = None) -> float:
    """A finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    # Compared before converting: float() of a huge int overflows, and NaN is in no range.
    if not (-_LARGEST if low is None else low) <= value <= (_LARGEST if high is None else high):
        raise ValueError
    return float(value)


def listed(value: object) -> list[object]:
    """The entries of a list, of a comma or space separated string, or of one lone value."""
    if isinstance(value, str):
        return [literal(word) for word in value.replace(",", " ").split()]
    if isinstance(value, list | tuple | range):
        return list(value)
    return [value]


def literal(word: str) -> object:
    """A word as the number that it spells, or as itself."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def duration(value: object) -> float | None:
    """Seconds; None (automatic) for anything that is not above zero."""
    seconds = number(value)
    return number(seconds, values.SHORTEST_SECONDS, values.TRAINED_SECONDS[1]) if seconds > 0 else None


def language(value: object) -> str:
    """A language code."""
    return values.language(text(value))


def keyscale(value: object) -> str | None:
    """A key in its stored form, or None."""
    return values.keyscale(text(value))


def time_signature(value: object) -> str | None:
    """A time signature in its stored form, or None; the number 4 is as good as the text '4'."""
    return values.time_signature(str(whole(value, 0, 99)) if isinstance(value, int) else text(value))


def track(value: object) -> str | None:
    """A track name, or None where it is blank."""
    written = text_or_none(value)
    return values.track(written) if written else None


def tracks(value: object) -> tuple[str, ...]:
    """Track names from a list or from text with commas or bars between them; each is kept once."""
    entries = re.split(r"[,|]", value) if isinstance(value, str) else listed(value)
    names = (track(entry) for entry in entries)
    return tuple(dict.fromkeys(name for name in names if name))


def timesteps(value: object) -> tuple[float, ...] | None:
    """Custom times from 1 (noise) down to 0 (clean), without the final 0 that every schedule ends with."""
    times = [number(entry, 0, 1) for entry in listed(value)]
    if times and times[-1] == 0:
        times.pop()
    if 0 in times or any(later >= earlier for earlier, later in pairwise(times)):
        raise ValueError(
            "its values must fall from one to the next and lie above 0 and up to 1; only the last may be 0"
        )
    return tuple(times) or None


def adapters(value: object) -> tuple[Adapter, ...]:
    """Adapters from a list of names, paths or {"path" or "name", "scale"} tables, or from a single one."""
    entries = list(value) if isinstance(value, list | tuple) else [value]
    return tuple(_adapter(entry) for entry in entries if entry != "")


def _adapter(entry: object) -> Adapter:
    if isinstance(entry, Adapter):
        entry = entry.to_dict()
    table = _named(entry) if isinstance(entry, str) else entry
    if not isinstance(table, Mapping) or not {*table} <= {"path", "name", "scale"} or {"path", "name"} <= {*table}:
        raise ValueError
    path = text_or_none(table.get("path", table.get("name")))
    if path is None:
        raise ValueError
    return Adapter(path, number(table.get("scale", 1.0), *ADAPTER_SCALE))


def _named(written: str) -> dict[str, object]:
    """A name or path as it is typed, with ``=0.8`` behind it for a scale."""
    found = _SCALED.fullmatch(written)
    return {"path": found[1], "scale": float(found[2])} if found else {"path": written}


def guidance_params(value: object) -> tuple[tuple[str, float], ...]:
    """A table of names and numbers as sorted pairs, so that a request stays hashable."""
    pairs = value.items() if isinstance(value, Mapping) else _pairs(value)
    return tuple(sorted({text(name): number(setting) for name, setting in pairs}.items()))


def _pairs(value: object) -> list[tuple[object, object]]:
    """The stored form again, as ``Request.replace`` passes it on."""
    if not isinstance(value, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        raise ValueError
    return [(name, setting) for name, setting in value]
