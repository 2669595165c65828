"""A take in a line: what lists, the loop's decisions and the keep rule need, without the request and the words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The short form of a take, straight from the index. Fields are those of ``Take`` where they share a name."""

    number: int
    id: str
    name: str
    seed: int
    duration: float
    score: float | None
    verdict: str
    rating: int | None
    pinned: bool
    liked: bool
    faulty: bool
    trashed: bool
    marked: bool
    """Whether a person has pinned, liked, rated, noted or tagged it."""

    parent: str | None
    operation: str
    revision: int | None
    stored: str
    created: str
    audio_bytes: int
    """0 where the audio is not there; ``latents_bytes`` likewise."""

    latents_bytes: int
