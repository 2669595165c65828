"""What ends the loop by itself, as people write it: ``50 takes``, ``30 min``, ``score .9``, or several of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.errors import InvalidRequest
from engine.fields import plain, shown

NONE: Mapping[str, Any] = MappingProxyType({"takes": None, "minutes": None, "until_score": None})

_PART = re.compile(r"(?:(?P<score>score|until)\s*)?(?P<number>\d*\.?\d+)\s*(?P<unit>[a-z]*)")
_MINUTES = {"min": 1, "m": 1, "minute": 1, "minutes": 1, "h": 60, "hour": 60, "hours": 60}
_TAKES = ("", "take", "takes")
_EXAMPLE = "Write 50 takes, 30 min, 2 h or score .9, several with commas; nothing for no limit."


def read_limits(text: str) -> dict[str, Any]:
    """The limits of the table [loop] that ``text`` sets; those that it does not name are none.

    Raises InvalidRequest for what is no limit.
    """
    limits: dict[str, Any] = dict(NONE)
    for part in (part.strip().lower() for part in re.split(r",|\band\b", text) if part.strip()):
        found = _PART.fullmatch(part)
        if found is None:
            raise InvalidRequest(f"{shown(part)} limits nothing.", _EXAMPLE)
        number, unit = float(found["number"]), found["unit"]
        if found["score"] and not unit:
            limits["until_score"] = number
        elif unit in _MINUTES and not found["score"]:
            limits["minutes"] = number * _MINUTES[unit]
        elif unit in _TAKES and not found["score"] and number.is_integer():
            limits["takes"] = int(number)
        else:
            raise InvalidRequest(f"{shown(part)} limits nothing.", _EXAMPLE)
    return limits


def written_limits(loop: Mapping[str, Any]) -> str:
    """The limits of a table [loop] as one would write them; empty where there are none."""
    takes, minutes, score = (loop.get(name) for name in NONE)
    told = []
    if takes is not None:
        told.append(f"{takes} takes")
    if minutes is not None:
        told.append(f"{plain(minutes / 60)} h" if minutes >= 60 and minutes % 60 == 0 else f"{plain(minutes)} min")
    if score is not None:
        told.append(f"score {plain(score)}")
    return ", ".join(told)
