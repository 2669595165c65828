"""A plan as a value: what the planner filled in, by the published names, and the codes it wrote. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from engine.planner.reasoning import Reasoning
from engine.request import Request
from engine.resolve import settled
from engine.values import INSTRUMENTAL, UNKNOWN_LANGUAGE

_RUN = 4
"""Codes in a row that are the same, from which on they count as repeated: most of a second."""

_PHRASE = 10
"""Codes that count as a phrase, two seconds; one that was there before is a repetition."""

_DISLIKE = 4.0
"""What all codes repeated would cost, in the unit of the likelihood: about what a code of a good plan is worth."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What came of one job of the planner's; what it did not touch is as a request has it by default."""

    seed: int
    caption: str = ""
    lyrics: str = ""
    bpm: int | None = None
    keyscale: str | None = None
    timesignature: str | None = None
    duration: float | None = None
    vocal_language: str = UNKNOWN_LANGUAGE
    instrumental: bool = False
    codes: tuple[int, ...] = ()
    likelihood: float | None = None
    """Mean logarithm of the chances that the planner gave to its codes."""

    @classmethod
    def of(cls, reasoning: Reasoning, seed: int, **more: Any) -> Self:
        """The plan that a text of the planner's describes."""
        found = reasoning.metadata
        seconds = found.get("duration")
        return cls(
            seed=seed,
            **{
                "caption": found.get("caption", ""),
                "lyrics": reasoning.lyrics,
                "bpm": found.get("bpm"),
                "keyscale": found.get("keyscale"),
                "timesignature": found.get("timesignature"),
                "duration": float(seconds) if seconds else None,
                "vocal_language": found.get("language", UNKNOWN_LANGUAGE),
                "codes": reasoning.codes,
                **more,
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {**asdict(self), "codes": list(self.codes)}

    @property
    def told(self) -> dict[str, Any]:
        """What a take remembers of it: everything but what the take has itself."""
        has = ("codes", "lyrics", "instrumental")
        return {name: value for name, value in self.to_dict().items() if name not in has}

    @property
    def repeats(self) -> float:
        """How much of the codes repeats what was there before, 0 to 1."""
        return repeated(self.codes)

    @property
    def merit(self) -> float:
        """What drafts are ranked by: likely codes are good, repeated ones are not, however likely."""
        return (self.likelihood or 0.0) - _DISLIKE * self.repeats

    def with_codes(self, codes: Sequence[int], likelihood: float) -> Plan:
        """This plan with codes."""
        return replace(self, codes=tuple(codes), likelihood=likelihood)

    def onto(self, request: Request) -> Request:
        """``request`` with the plan beside it: its ``cot_`` fields, where a person left the field itself open."""
        lyrics = self.lyrics if not request.lyrics.strip() else ""
        return request.replace(
            cot_bpm=request.cot_bpm if request.bpm else self.bpm,
            cot_keyscale=request.cot_keyscale if request.keyscale else self.keyscale,
            cot_timesignature=request.cot_timesignature if request.timesignature else self.timesignature,
            cot_duration=request.cot_duration if request.duration else self.duration,
            cot_vocal_language=self.vocal_language if request.vocal_language == UNKNOWN_LANGUAGE else UNKNOWN_LANGUAGE,
            cot_caption=self.caption,
            cot_lyrics=lyrics,
        )


def known(request: Request) -> dict[str, Any]:
    """What need not be planned, by the names of a think block: a person's own values, and those of an earlier plan."""
    request = settled(request)
    return {
        name: value
        for name, value in {
            "bpm": request.bpm,
            "caption": request.cot_caption or None,
            "duration": int(request.duration) if request.duration else None,
            "keyscale": request.keyscale,
            "language": None if request.vocal_language == UNKNOWN_LANGUAGE else request.vocal_language,
            "timesignature": request.timesignature,
        }.items()
        if value is not None
    }


def open_fields(request: Request) -> frozenset[str]:
    """What is the planner's to fill in, by the names of a think block; nothing where it is not asked for metadata."""
    if not request.use_cot_metas:
        return frozenset()
    wanted = {"bpm", "duration", "keyscale", "timesignature"}
    wanted |= {"caption"} if request.use_cot_caption else set()
    wanted |= {"language"} if request.use_cot_language and request.lyrics != INSTRUMENTAL else set()
    return frozenset(wanted - known(request).keys())


def metadata_of(plan: Plan) -> dict[str, Any]:
    """A plan's metadata by the names of a think block."""
    language = None if plan.vocal_language == UNKNOWN_LANGUAGE else plan.vocal_language
    found: Mapping[str, Any] = {
        "bpm": plan.bpm,
        "caption": plan.caption or None,
        "duration": int(plan.duration) if plan.duration else None,
        "keyscale": plan.keyscale,
        "language": language,
        "timesignature": plan.timesignature,
    }
    return {name: value for name, value in found.items() if value is not None}


def repeated(codes: Sequence[int]) -> float:
    """The share of codes that stand in a run of the same one, or in a phrase that was there before."""
    marked = [False] * len(codes)
    start = 0
    for place in range(1, len(codes) + 1):
        if place == len(codes) or codes[place] != codes[start]:
            if place - start >= _RUN:
                marked[start + 1 : place] = [True] * (place - start - 1)
            start = place
    seen: set[tuple[int, ...]] = set()
    for place in range(len(codes) - _PHRASE + 1):
        phrase = tuple(codes[place : place + _PHRASE])
        if phrase in seen:
            marked[place : place + _PHRASE] = [True] * _PHRASE
        seen.add(phrase)
    return sum(marked) / len(codes) if codes else 0.0
