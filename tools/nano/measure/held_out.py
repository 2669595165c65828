"""Songs that nothing was trained on, and the requests that describe them. This is where the synthesiser is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.request import Request
from tools.nano import music
from tools.nano.music.song import Song

T = TypeVar("T")

HELD_OUT = 10_000_000
"""Seeds of songs from here on are for measuring: no model was trained on them."""

TAKES_FROM = HELD_OUT
CODEC_FROM = HELD_OUT + 1_000_000
LEARNED_FROM = HELD_OUT + 2_000_000
"""What the estimators learn from: other songs than they are tested on."""
COPIES_FROM = LEARNED_FROM + 500_000
"""What they learn from in a codec's copies."""
TESTED_FROM = HELD_OUT + 3_000_000
PLANNED_FROM = HELD_OUT + 4_000_000
FOLLOWED_FROM = HELD_OUT + 5_000_000
CHANGED_FROM = HELD_OUT + 6_000_000
JUDGED_FROM = HELD_OUT + 7_000_000


def compose(number: int, *, duration: float, like: Song | None = None) -> Song:
    """The song of a seed, ``duration`` seconds long; with ``like`` one whose style, tempo, key and meter are that's.

    Raises ValueError for a seed that is not held out.
    """
    if number < HELD_OUT:
        raise ValueError(f"held-out seeds start at {HELD_OUT}, not {number}")
    if like is None:
        return music.compose(number, duration=duration)
    return music.compose(number, style=like.style, bpm=like.bpm, key=like.key, meter=like.meter, duration=duration)


def sound_of(song: Song) -> npt.NDArray[np.float32]:
    """Its audio [2, n], 48 kHz."""
    sound: npt.NDArray[np.float32] = music.render(song)
    return sound


def request_for(song: Song, number: int, *, seeds: Sequence[int]) -> Request:
    """What asks for such a song in the words and numbers of the training material; ``number`` picks the wording."""
    return Request(
        caption=music.caption(song, np.random.default_rng([HELD_OUT, number])),
        lyrics=music.lyrics(song),
        bpm=song.bpm,
        keyscale=song.key,
        timesignature=str(song.meter),
        duration=song.duration,
        seeds=tuple(seeds),
    )


def heard(
    listen: Callable[[npt.NDArray[np.float32]], T], start: int, count: int, *, duration: float, workers: int = 1
) -> tuple[list[T], list[Song]]:
    """What ``listen`` (a function of a module, for other processes) makes of the songs from seed ``start`` on."""
    songs = [compose(start + number, duration=duration) for number in range(count)]
    job = partial(_listened, listen)
    if workers <= 1:
        return [job(song) for song in songs], songs
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(job, songs, chunksize=4)), songs


def _listened(listen: Callable[[npt.NDArray[np.float32]], T], song: Song) -> T:
    return listen(sound_of(song))
