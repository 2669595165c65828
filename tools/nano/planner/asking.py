"""What people ask for, made of what songs are: a few words of a description, or another one, with fields left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.values import INSTRUMENTAL
from tools.nano import music
from tools.nano.music import wording
from tools.nano.music.instruments import INSTRUMENTS
from tools.nano.music.song import Song

SMALL_TALK = (
    *("song", "music", "please", "make", "me", "some", "something", "for", "my", "the", "of", "about", "like", "that"),
    *("sounds", "and", "is", "to", "it", "good", "new", "evening", "night", "morning", "rain", "sea", "city", "game"),
    *("study", "sleep", "party", "car", "summer", "winter", "love", "film", "scene", "short", "little", "old", "very"),
    *("bit", "in", "on", "no", "vocals", "melody", "feeling", "mood", "vibe", "nice", "beautiful", "loud", "deep"),
)
"""Words that say nothing that a song could have or lack."""

_FULLEST_OF = 3
_WORD = r"(?<![\w-]){}(?![\w-])"


@dataclass(frozen=True)
class Asked:
    """A request in words, and the description that is the answer to it."""

    words: str
    lyrics: str
    caption: str


def asked(song: Song, rng: np.random.Generator) -> Asked:
    """A request for a song and its full description.

    Half of the requests are some words of the description; of the rest some say it otherwise, and some say all of it.
    """
    caption = max((music.caption(song, rng) for _ in range(_FULLEST_OF)), key=len)
    luck = rng.random()
    if luck < 0.55:
        words = _some(caption, rng)
    elif luck < 0.75:
        words = _some(music.caption(song, rng), rng)
    elif luck < 0.85:
        words = music.caption(song, rng)
    elif luck < 0.97:
        words = caption
    else:
        words = ""
    if words and rng.random() < 0.6:
        words = _numbers(song, words, rng)
    if words and rng.random() < 0.25:
        words = _talk(words, rng)
    return Asked(words, INSTRUMENTAL if rng.random() < 0.5 else music.lyrics(song), caption)


def _some(caption: str, rng: np.random.Generator) -> str:
    """One to four of the phrases of a description, what names the style nearly always among them."""
    lower = caption.lower()
    style = next((phrase for phrase in _styles() if _has(lower, phrase)), "")
    others = [phrase for phrase in _phrases() if _has(lower, phrase) and not _has(style, phrase)]
    count = min(int(rng.choice((0, 1, 2, 3), p=(0.25, 0.35, 0.25, 0.15))), len(others))
    chosen = [others[i] for i in rng.permutation(len(others))[:count]]
    if style and (rng.random() < 0.85 or not chosen):
        chosen.insert(int(rng.integers(len(chosen) + 1)), style)
    text = (", ", " ", " with ", " and ")[int(rng.choice(4, p=(0.35, 0.45, 0.1, 0.1)))].join(chosen)
    return text[:1].upper() + text[1:] if rng.random() < 0.15 else text


def _numbers(song: Song, words: str, rng: np.random.Generator) -> str:
    """The tempo's number, the key or the length, said in the words themselves."""
    said = (
        (f"{song.bpm} bpm", f"at {song.bpm} bpm", f"{song.bpm} BPM")[int(rng.integers(3))],
        (f"in {song.key}", song.key)[int(rng.integers(2))],
        f"{int(song.duration)} seconds",
    )[int(rng.choice(3, p=(0.55, 0.35, 0.1)))]
    return f"{words}{(', ', ' ')[int(rng.integers(2))]}{said}"


def _talk(words: str, rng: np.random.Generator) -> str:
    """Small talk before or behind, and now and then a word that nobody knows."""
    said = [SMALL_TALK[int(i)] for i in rng.integers(len(SMALL_TALK), size=int(rng.integers(1, 5)))]
    if rng.random() < 0.3:
        letters = "abcdefghijklmnopqrstuvwxyz"
        said.insert(0, "".join(letters[int(i)] for i in rng.integers(26, size=int(rng.integers(3, 9)))))
    talk = " ".join(said)
    return f"{talk} {words}" if rng.random() < 0.5 else f"{words} {talk}"


def _has(text: str, phrase: str) -> bool:
    return re.search(_WORD.format(re.escape(phrase)), text) is not None


@cache
def _styles() -> Sequence[str]:
    """Whatever names a style, the longest first."""
    tables = (wording.STYLE_NOUNS, wording.STYLE_WORDS)
    names = {name for table in tables for row in table.values() for name in row} | set(wording.WALTZ)
    return sorted(names, key=len, reverse=True)


@cache
def _phrases() -> Sequence[str]:
    """Whatever else a description says of a song."""
    tables = (wording.TEMPO_WORDS, wording.MODE_WORDS, wording.FORM_WORDS, wording.METER_WORDS, wording.MOODS)
    found = {phrase for table in tables for row in table.values() for phrase in row}
    found |= {word for instrument in INSTRUMENTS.values() for word in instrument.words}
    found |= {*wording.BRIGHT, *wording.DARK, *wording.BUSY, *wording.SPARSE}
    return sorted(found, key=len, reverse=True)
