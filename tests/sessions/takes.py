"""Takes for the tests of the store: on disk as the engine writes them, and any that hypothesis can think of."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from engine import Request
from engine.files import atomic_write
from engine.tags import RECIPE, copy_with_tags
from sessions.store import Store
from sessions.take import Take

RATE = 48_000
REQUEST = Request(caption="neon drive, synthwave", lyrics="[Verse]\nnight rain", bpm=96, keyscale="A minor").to_dict()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk; import it where it is used. What is synced, and when, test_store_order looks at."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def flac(seconds: float = 1.0, request: dict[str, Any] | None = None, title: str = "neon drive", **more: str) -> bytes:
    """A FLAC file with a true header and tags, and a few bytes in place of the sound."""
    numbers = (RATE << 44) | (1 << 41) | (23 << 36) | round(seconds * RATE)
    plain = b"fLaC\x80\0\0\x22" + bytes(10) + numbers.to_bytes(8, "big") + bytes(16) + b"sound"
    target = io.BytesIO()
    tags = {"title": title, RECIPE: json.dumps(REQUEST if request is None else request), **more}
    copy_with_tags(io.BytesIO(plain), target, tags)
    return target.getvalue()


def write(path: Path, content: bytes) -> None:
    """A file as the engine writes it."""

    def writer(file: Any) -> None:
        file.write(content)

    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, writer)


def render(store: Store, *, seed: int = 7, latents: bool = True, number: int | None = None, **fields: Any) -> Take:
    """A take that the engine has just written and nobody has committed."""
    number = number or store.next_number()
    request = {**REQUEST, "seed": seed, "seeds": [seed]}
    files = {"audio": f"takes/batch-{number}.flac"}
    if latents:
        files["latents"] = f"takes/batch-{number}.safetensors"
        write(store.folder / files["latents"], f"latents {number}".encode())
    write(store.folder / files["audio"], flac(request=request))
    values = {"name": "neon drive", "seed": seed, "duration": 1.0, "request": request, "id": f"id{number}"}
    return Take(**{**values, "number": number, "files": files, **fields})


def committed(store: Store, **fields: Any) -> Take:
    """A take of the session."""
    return store.commit(render(store, **fields))


TEXT = st.text(max_size=8)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
TABLES = st.dictionaries(TEXT, JSON, max_size=2)
WORDS = ("neon", "Neon Drive", "rain", "RAIN", "ä", "A\u0308", "", "a\nb", "none", "\ud800", "x\0y", "\\", "62")


def any_takes(draw: Random, count: int) -> list[Take]:
    """So many takes with values that meet each other, and that are awkward to compare. From a seed: that is fast."""
    return [_any_take(draw, number) for number in draw.sample(range(1, 40), count)]


def _any_take(draw: Random, number: int) -> Take:
    words = (*WORDS, None)
    request = {
        "bpm": draw.choice((None, 60, 61, 62, 62.5)),
        "cot_bpm": draw.choice((None, 60)),
        "keyscale": draw.choice(words),
        "caption": draw.choice(words),
        "lyrics": " ".join(draw.choices(WORDS, k=draw.choice((0, 1, 30)))),
        "instrumental": draw.choice((True, False, None, "yes")),
        "tracks": draw.choice(([], [draw.choice(words)], ["rain", "neon"], "rain", None)),
        "shift": draw.choice((1, 1.0, 2**62, 2**70, 1e300, None, True, "3")),
    }
    few = (0.0, 0.25, 0.5, 1, 1.0)
    rejected = draw.random() < 0.3
    return Take(
        id=f"id{number}",
        number=number,
        name=draw.choice(WORDS),
        seed=draw.choice((0, 62, 2**32 - 1)),
        duration=draw.choice(few),
        request={name: value for name, value in request.items() if draw.random() < 0.8},
        files={"audio": f"takes/{number}.flac"},
        created=draw.choice(("", "2026-01-02T03:04:05Z", "2025-12-31T00:00:00Z")),
        score=draw.choice((None, *few)),
        parts={name: draw.choice(few) for name in ("lyrics", "a.b", "\udfff") if draw.random() < 0.7},
        faults=tuple(draw.choices(WORDS, k=draw.randrange(3))),
        heard=draw.random() < 0.5,
        pinned=not rejected and draw.random() < 0.5,
        liked=not rejected and draw.random() < 0.5,
        rejected=rejected,
        rating=draw.choice((None, 0, 1, 5)),
        note=draw.choice(WORDS),
        tags=tuple(draw.choices(WORDS, k=draw.randrange(4))),
        parent=draw.choice((None, "id1", "62")),
        operation=draw.choice(("render", "repaint")),
        revision=draw.choice((None, 0, 62)),
        plan=draw.choice((None, {}, {"bpm": 61, "keyscale": "rain"})),
        identity={} if draw.random() < 0.5 else {"device": draw.choice(("cpu", "62", 62, True, None, [1]))},
        timings=draw.choice(({}, {"decode": 0.5})),
        batch=draw.choice(words),
        trashed=draw.random() < 0.3,
        stored=draw.choice(("whole", "latents only", "missing audio")),
    )


PLAIN = Take(
    id="a1", number=47, name="neon drive", seed=8123, duration=60.0, request=REQUEST, files={"audio": "takes/x.flac"}
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("name", "note", "created", "operation"), TEXT),
    **dict.fromkeys(("request", "identity"), TABLES),
    **dict.fromkeys(("score", "gain", "loudness"), st.none() | NUMBERS),
    **dict.fromkeys(("codes", "batch", "parent"), st.none() | TEXT),
    **dict.fromkeys(("faults", "tags"), st.lists(TEXT, max_size=2).map(tuple)),
    **dict.fromkeys(("parts", "timings"), st.dictionaries(TEXT, NUMBERS, max_size=2)),
    **dict.fromkeys(("heard", "pinned", "liked", "trashed"), st.booleans()),
    "number": st.integers(1, 2**53 - 1),
    "seed": st.integers(-1, 2**53 - 1),
    "duration": st.floats(0, 1e300),
    "rating": st.none() | st.integers(0, 5),
    "plan": st.none() | TABLES,
    "hashes": st.dictionaries(TEXT, TEXT, max_size=2),
    "layout": st.dictionaries(TEXT, st.integers(0, 99), max_size=2),
    "revision": st.none() | st.integers(0, 2**53 - 1),
    "stored": st.sampled_from(["whole", "latents only", "missing audio"]),
    "extra": st.dictionaries(st.sampled_from(["mine", "extra ", "\xfc"]), JSON, max_size=2),
}
TAKES = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), min_size=1, max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names}).map(lambda new: PLAIN.replace(**new))
)
"""A take with a few values that are anything that they can be."""
