"""When each line of a take's lyrics is sung, where that is known: for players, and as LRC and WebVTT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TIMES = "timestamps"
"""Under this name what was measured in a take has its lines: ``[start, end, text]`` each, in seconds."""


LINGER_SECONDS = 4.0
"""For so long a line is still read after it was sung."""


@dataclass(frozen=True)
class TimedLine:
    """A line of the lyrics, sung from ``start`` to ``end`` (seconds)."""

    start: float
    end: float
    text: str


def timed_lines(take: Mapping[str, Any]) -> list[TimedLine]:
    """The lines of a take object whose times are known, in their order; what is none is left out."""
    given = (take.get("measured") or {}).get(TIMES) or ()
    found = [line for each in given if (line := _line(each)) is not None] if isinstance(given, Sequence) else []
    return sorted(found, key=lambda line: line.start)


def line_at(lines: Sequence[TimedLine], second: float) -> str:
    """What is sung at a second: the latest line that has begun, until the next does; nothing long after its end."""
    begun = [line for line in lines if line.start <= second]
    if not begun or _is_tag(begun[-1].text) or second > begun[-1].end + LINGER_SECONDS:
        return ""
    return begun[-1].text


def lrc(lines: Sequence[TimedLine], title: str = "") -> str:
    """Lyrics with the moment of each line, as players read them. Structure tags such as [Verse] are left out."""
    head = [f"[ti:{title}]"] if title else []
    sung = [f"[{_minutes(line.start)}]{line.text}" for line in lines if not _is_tag(line.text)]
    return "\n".join([*head, *sung, ""])


def vtt(lines: Sequence[TimedLine]) -> str:
    """The same as WebVTT, with the end of each line."""
    cues = [
        f"{_clock(line.start)} --> {_clock(max(line.end, line.start + 0.1))}\n{_escaped(line.text)}\n"
        for line in lines
        if not _is_tag(line.text)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _line(given: Any) -> TimedLine | None:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 3:
        return None
    start, end, text = given
    if not isinstance(text, str) or not all(_is_moment(each) for each in (start, end)):
        return None
    return TimedLine(float(start), float(end), " ".join(text.split()))


def _is_moment(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6


def _is_tag(text: str) -> bool:
    return not text or (text.startswith("[") and text.endswith("]"))


def _minutes(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000:02}:{hundredths % 6000 // 100:02}.{hundredths % 100:02}"


def _clock(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")
