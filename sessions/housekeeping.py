"""What the loop does to the store beside making takes: looks where it stands, keeps the quota, keeps the best."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from engine.errors import EngineError
from sessions.budget import GB, Standing
from sessions.disk import audio_to_drop, beyond_keep, free_bytes
from sessions.store import Store


def survey(store: Store, quota_gb: float | None, playing: Collection[int] = ()) -> Standing:
    """Where the session stands, once the quota is kept; what is ``playing`` keeps its audio."""
    used = store.usage()
    if quota_gb is not None and used > quota_gb * GB:
        _drop_audio(store, int(used - quota_gb * GB), playing)
        used = store.usage()
    free = None
    with contextlib.suppress(OSError):
        free = free_bytes(store.folder)
    return Standing(unheard=store.counts().unheard, free=free, used=used)


def keep_the_best(store: Store, made: Collection[int], keep: int, playing: Collection[int] = ()) -> int:
    """Moves all but the best ``keep`` takes of ``made`` to the trash, and returns how many.

    What a person has marked stays, and so do parents and what is ``playing``. Takes of other runs are not touched.
    """
    numbers = set(made)
    takes = [take for take in store.summaries()[0] if take.number in numbers]
    moved = 0
    for number in beyond_keep(takes, keep, parents=store.parents(), playing=playing):
        with contextlib.suppress(EngineError):  # one that cannot be moved stays, and the next is tried
            store.trash(number)
            moved += 1
    return moved


def _drop_audio(store: Store, needed: int, playing: Collection[int]) -> None:
    parents = store.parents()
    for number in audio_to_drop(store.summaries()[0], needed, parents=parents, playing=playing).numbers:
        with contextlib.suppress(EngineError):
            store.drop_audio(number, playing=playing)
