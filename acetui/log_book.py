"""What was said, by the studio and by this terminal: kept up to a bound, and shown from a level up. No toolkit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

KEPT = 2000
"""Entries; what is older is in the studio's own log."""

LEVELS = ("all", "notices", "errors")
"""What is shown: everything, what the studio and errors say, or errors alone."""

_LEVEL = {"said": 0, "event": 0, "notice": 1, "error": 2}
_INDENT = " " * len("12:34:56 ! ")


@dataclass(frozen=True)
class Entry:
    """One thing that was said. ``kind`` is said (here), event, notice or error; ``when`` is the time of day."""

    when: str
    kind: str
    text: str

    @property
    def level(self) -> int:
        """The highest of ``LEVELS`` at which it is shown."""
        return _LEVEL.get(self.kind, 0)


@dataclass(frozen=True)
class Shown:
    """A line of the screen: of which entry, and whether it is its first."""

    entry: Entry
    text: str
    first: bool


class LogBook:
    """The entries, the latest last. What was said twice in a row is kept once, with how often."""

    def __init__(self, keep: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._times = 1
        self.level = 0
        self.words = ""

    def add(self, kind: str, text: str, when: str) -> None:
        """Adds something."""
        text = " ".join(text.split())
        last = self._entries[-1] if self._entries else None
        bare = last.text.removesuffix(f" (x{self._times})") if last is not None and self._times > 1 else None
        if last is not None and last.kind == kind and text == (bare or last.text):
            self._times += 1
            self._entries[-1] = Entry(when, kind, f"{text} (x{self._times})")
            return
        self._times = 1
        self._entries.append(Entry(when, kind, text))

    def add_event(self, event: Mapping[str, Any], when: str) -> bool:
        """Adds what an event of the studio says in words, if it says anything; whether it did."""
        told = _told(event)
        if told is not None:
            self.add(*told, when)
        return told is not None

    def errors(self) -> int:
        """How many errors there are."""
        return sum(entry.kind == "error" for entry in self._entries)

    def entries(self) -> list[Entry]:
        """What is to be shown, the oldest first."""
        words = self.words.lower().split()
        return [
            entry
            for entry in self._entries
            if entry.level >= self.level and all(word in entry.text.lower() for word in words)
        ]

    def __len__(self) -> int:
        return len(self._entries)


def lines(entries: Iterable[Entry], width: int) -> list[Shown]:
    """The entries in lines of ``width`` cells; what goes on is indented."""
    found = []
    for entry in entries:
        room = max(width - len(_INDENT), 8)
        for at, text in enumerate(wrap(entry.text, room) or [""]):
            found.append(Shown(entry, text, first=at == 0))
    return found


def _told(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """The kind and the words of what an event says, for those that a person will want to read again."""
    match event["event"]:
        case "notice":
            return "notice", str(event["text"])
        case "error":
            return "error", " ".join(filter(None, (str(event["error"]), event.get("hint"))))
        case "loop":
            reason = event.get("reason")
            return "event", f"Loop {event['state']}{f': {reason}' if reason else ''}."
        case "done":
            made, seconds = event["summary"].get("made"), event["summary"].get("seconds")
            return "event", f"The loop has ended: {made} takes in {seconds:.0f} s." if made is not None else "Done."
    return None
