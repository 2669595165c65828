"""What the planner reads while it is trained: prompts of the real format, each with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.planner import prompts
from engine.planner.reasoning import think_block
from engine.values import UNKNOWN_LANGUAGE
from tools.nano.music.song import Song
from tools.nano.planner.asking import asked
from tools.nano.planner.tokens import END_OF_TURN

Job = Literal["plan", "codes", "unguided", "sample", "format", "understand", "invent"]

WITH_CODES: Mapping[Job, float] = {"codes": 0.66, "unguided": 0.08, "understand": 0.26}
"""Jobs of songs that have been encoded, with their shares."""

IN_WORDS: Mapping[Job, float] = {"plan": 0.6, "sample": 0.22, "format": 0.16, "invent": 0.02}
"""Jobs of any song: only what is written of it counts."""


@dataclass(frozen=True)
class Page:
    """Prompt and answer, each in the pieces that are made into tokens by themselves."""

    read: tuple[str, ...]
    written: tuple[str, ...]


def page(job: Job, song: Song, codes: tuple[int, ...], rng: np.random.Generator) -> Page:
    """One job on one song."""
    told = asked(song, rng)
    lyrics = told.lyrics
    if job in ("plan", "codes"):
        said = lyrics if rng.random() > 0.1 else ""
        read = prompts.plan_prompt(told.words, said)
        thought = think_block(_metadata(song, told.caption, rng))
        if job == "plan":
            return Page(read, (f"{thought}\n\n",))
        # A person's own caption may stay, and then the block has none: the codes hang on what was asked for alone.
        return Page(read, (f"{thought}\n\n", _codes(codes)))
    if job == "unguided":
        return Page(prompts.unguided_prompt("", "", "", legacy=False), (_codes(codes),))
    answer = (f"{think_block(_metadata(song, told.caption, rng, whole=True))}\n\n# Lyric\n{lyrics}{END_OF_TURN}",)
    if job == "sample":
        return Page(prompts.sample_prompt(told.words, instrumental=rng.random() < 0.9), answer)
    if job == "format":
        return Page(prompts.format_prompt(told.words, lyrics), answer)
    return Page(prompts.understand_prompt(prompts.code_string(codes) if job == "understand" else ""), answer)


def _codes(codes: tuple[int, ...]) -> str:
    return prompts.code_string(codes) + END_OF_TURN


def _metadata(song: Song, caption: str, rng: np.random.Generator, *, whole: bool = False) -> dict[str, Any]:
    """What a think block says of a song; in a plan any part may be left out, as a person may keep it from it."""
    fields: dict[str, Any] = {
        "bpm": song.bpm,
        "caption": caption,
        "duration": int(song.duration),
        "keyscale": song.key,
        "language": UNKNOWN_LANGUAGE if rng.random() < 0.8 else "en",
        "timesignature": str(song.meter),
    }
    if whole:
        return fields
    dropped = {"caption": 0.2, "language": 0.5}
    return {name: value for name, value in fields.items() if rng.random() >= dropped.get(name, 0.05)}


def chosen(shares: Mapping[Job, float], rng: np.random.Generator) -> Job:
    """A job, by its share."""
    jobs = list(shares)
    return jobs[int(rng.choice(len(jobs), p=np.array(list(shares.values())) / sum(shares.values())))]
