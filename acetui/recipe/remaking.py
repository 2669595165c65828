"""What is to be made from a take, as a person sets it: which part, how, with which words, and how many. No toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from acetui.browsing.take_facts import beat
from acetui.how_long import exact_time
from acetui.recipe.field_values import default_of, parsed, shown, written
from acetui.recipe.fields_shown import explained, label, stepped
from engine.errors import InvalidRequest
from engine.profiles import cover_task
from engine.sources.regions import TRAINED_REGION
from engine.values import LARGEST_BATCH, TRAINED_SECONDS
from sessions.lyric_times import timed_lines

SHORTEST_REGION = 0.2
FRAME = 1 / 25
"""Seconds of one latent: nothing finer can be made anew."""

_FIRST_REGION = 10.0
"""Seconds of a region before anybody has set one."""

_BEAT = 0.5
"""Seconds of a beat of a take whose tempo nobody has said."""

START, END = "repainting_start", "repainting_end"
SECONDS, SIDE, TAKES = "seconds", "side", "takes"
_WORDS = ("caption", "lyrics")

ENTRIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "repaint": (START, END, "repaint_mode", "repaint_strength", *_WORDS, TAKES),
        "cover": (*_WORDS, "task_type", "audio_cover_strength", "cover_noise_strength", TAKES),
        "extend": (SECONDS, SIDE, *_WORDS, TAKES),
    }
)
"""What can be set for each operation, in the order of its rows."""

_LABELS = {START: "from", END: "to", SECONDS: "longer by", SIDE: "where", TAKES: "candidates", "task_type": "follows"}
_HELP = {
    START: "Where the new part begins: h l go by a beat, H L by a second, < > by a frame.",
    END: "Where the new part ends: h l go by a beat, H L by a second, < > by a frame.",
    SECONDS: "How much music is added.",
    SIDE: "Whether it is added behind the take, or before it.",
    TAKES: "How many are made at once.",
    "task_type": "The music's course alone (cover), or its sound as well (cover-nofsq).",
}
_CHOICES = {SIDE: ("after", "before"), "task_type": ("cover", "cover-nofsq")}
_DEFAULTS: Mapping[str, Any] = MappingProxyType({SECONDS: 30.0, SIDE: "after", TAKES: 2})


@dataclass(frozen=True)
class Entry:
    """One row: its name, what it is called, its value in words, and whether somebody has set it."""

    name: str
    label: str
    value: str
    set: bool


class Remaking:
    """One operation on one take, until it is sent; what is not set stays as it is in the take.

    ``around`` is the region to begin with, or else ``second`` is where one is listening.
    """

    def __init__(
        self,
        operation: str,
        take: Mapping[str, Any],
        *,
        around: tuple[float, float] | None = None,
        second: float = 0.0,
    ) -> None:
        self.operation = operation
        self.take = take
        self.seconds = float(take["duration"])
        self.beat = beat(take) or _BEAT
        self.given: dict[str, Any] = {}
        """What is set, by the names that the studio knows."""

        made_by = str((take.get("identity") or {}).get("profile") or "")
        self._defaults = {**_DEFAULTS, "task_type": cover_task(made_by)}

        if operation == "repaint":
            start = min(second, max(self.seconds - _FIRST_REGION, 0.0))
            begins, ends = around or (start, start + _FIRST_REGION)
            self._put_region(begins, ends)

    @property
    def region(self) -> tuple[float, float] | None:
        """The part that is to be made anew, in seconds; None where the whole is."""
        return (self.given[START], self.given[END]) if self.operation == "repaint" else None

    def entries(self) -> list[Entry]:
        """The rows."""
        return [Entry(name, _label(name), self._shown(name), name in self.given) for name in ENTRIES[self.operation]]

    def explained(self, name: str) -> str:
        """What a row is for."""
        if name in _WORDS:
            return f"The {name} of what is made; as the take has it where nothing is typed."
        return _HELP.get(name) or explained(name)

    def concern(self) -> str:
        """What to look at before it is sent; nothing where all is well."""
        if (region := self.region) is None:
            return ""
        low, high = TRAINED_REGION
        long = region[1] - region[0]
        return "" if low <= long <= high else f"Models have learnt to make parts of {low:g} to {high:g} s anew."

    def body(self) -> dict[str, Any]:
        """What is sent to the studio."""
        sent = (TAKES, "task_type") if self.operation == "cover" else (TAKES,)
        return {**{name: self._defaults[name] for name in sent}, **self.given}

    # --- setting -----------------------------------------------------------------------------------------------------

    def turn(self, name: str, direction: int, *, far: bool = False, fine: bool = False) -> None:
        """The next value, or the one before: of a place, a beat, a second or a frame away."""
        if name in (START, END):
            self._move(name, direction * (FRAME if fine else 1.0 if far else self.beat))
        elif name == SECONDS:
            by = 10.0 if far else 1.0 if fine else 5.0
            self.given[name] = min(max(self._value(name) + direction * by, 1.0), TRAINED_SECONDS[1])
        elif name == TAKES:
            self.given[name] = min(max(self._value(name) + direction, 1), LARGEST_BATCH)
        elif name in _CHOICES:
            options = _CHOICES[name]
            self.given[name] = options[(options.index(self._value(name)) + direction) % len(options)]
        elif name not in _WORDS:
            self.given[name] = stepped(name, self._value(name), direction)

    def type(self, name: str, text: str) -> None:
        """Takes what was typed for a row; nothing sets it back. Raises InvalidRequest."""
        if not text.strip():
            self.unset(name)
        elif name in (START, END):
            self.place(name, _seconds(name, text))
        elif name == SECONDS:
            self.given[name] = min(max(_seconds("duration", text), 1.0), TRAINED_SECONDS[1])
        elif name == TAKES:
            if not text.strip().isdecimal() or not 1 <= int(text) <= LARGEST_BATCH:
                raise InvalidRequest(f"'{text[:20]}' is not a number from 1 to {LARGEST_BATCH}.", "Type such a number.")
            self.given[name] = int(text)
        elif name in _CHOICES:
            if text not in _CHOICES[name]:
                raise InvalidRequest(f"'{text[:20]}' is none of {', '.join(_CHOICES[name])}.", "Type one of them.")
            self.given[name] = text
        elif name in _WORDS and text == self._own(name):
            self.given.pop(name, None)
        else:
            value = parsed(name, text)
            self.given.pop(name, None)
            if value is not None:
                self.given[name] = value

    def unset(self, name: str) -> None:
        """As it is without; a region has no other."""
        if name not in (START, END):
            self.given.pop(name, None)

    def place(self, name: str, second: float) -> None:
        """Puts one end of the region somewhere; the other end gives way."""
        start, end = self.region or (0.0, self.seconds)
        if name == START:
            self._put_region(second, max(end, second + SHORTEST_REGION))
        else:
            self._put_region(min(start, second - SHORTEST_REGION), second)

    def snap(self, name: str, direction: int) -> None:
        """Puts an end of the region where the next line of the lyrics begins or ends, or the one before.

        Raises InvalidRequest where that is not known, or the row is no place.
        """
        if name not in (START, END):
            raise InvalidRequest("This row is no place.", "On 'from' and 'to', ( and ) go by the lines of the lyrics.")
        places = sorted({round(each, 3) for line in timed_lines(self.take) for each in (line.start, line.end)})
        if not places:
            raise InvalidRequest(
                "When each line is sung is not known.", "It is, of sung takes that a planner has heard."
            )
        now = self.given[name]
        beyond = [place for place in places if (place > now if direction > 0 else place < now)]
        if beyond:
            self.place(name, beyond[0] if direction > 0 else beyond[-1])

    def text(self, name: str) -> str:
        """What there is to begin with where a row is typed."""
        if name in _WORDS:
            return str(self._value(name) or "")
        if name in (START, END):
            return exact_time(self.given[name])
        value = self._value(name)
        if value is None:  # the studio's own default, which is left to it
            return ""
        if name == SECONDS:
            return f"{value:g}"
        own = name in self._defaults and isinstance(value, str | int)
        return str(value) if own else written(name, value)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _move(self, name: str, by: float) -> None:
        self.place(name, round(self.given[name] + by, 3))

    def _put_region(self, start: float, end: float) -> None:
        start = min(max(start, 0.0), max(self.seconds - SHORTEST_REGION, 0.0))
        self.given[START] = round(start, 3)
        self.given[END] = round(min(max(end, start + SHORTEST_REGION), self.seconds), 3)

    def _own(self, name: str) -> str:
        return str(self.take["request"].get(name) or "")

    def _value(self, name: str) -> Any:
        if name in self.given:
            return self.given[name]
        return self._own(name) if name in _WORDS else self._defaults.get(name)

    def _shown(self, name: str) -> str:
        value = self._value(name)
        if name in (START, END):
            return exact_time(value)
        if name == SECONDS:
            return f"{value:g} s"
        if name in _WORDS:
            return " / ".join(str(value).split("\n")) or "none"
        if name in self._defaults:
            return str(value)
        return shown(name, value)


def _label(name: str) -> str:
    return _LABELS.get(name) or label(name)


def _seconds(name: str, text: str) -> float:
    """A length or a place as it is typed for a field. Raises InvalidRequest."""
    value = parsed(name, text)
    return float(default_of(name) if value is None else value)
