"""The store with a session's worth of takes: opening it, reading pages of it, committing one more. No model, no torch.

Every take has a resolved request with caption and lyrics, scores and an identity, as real ones have; the audio files
are empty shells, which no figure here depends on.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks import targets
from benchmarks.rows import Area, Row, Target
from engine.request import FIELDS, Request
from sessions.columns import COLUMNS
from sessions.events import EventLog
from sessions.index import WEIGHED
from sessions.store import Store
from sessions.tables import ScoreSettings
from sessions.take import Take, stem
from sessions.weighing import Weighing

_WORDS = "neon drive warm jazz night rain soft piano deep bass female vocal slow fast tape choir strings gated".split()
_REQUEST = Request(duration=60.0).to_dict()
_PARTS = ("lyric_alignment", "semantic", "signal")
_STAGES = ("conditions", "sampling", "decode", "write")
_TIMES = 5
_ALIKE = 100

T = TypeVar("T")


@dataclass(frozen=True)
class Sizes:
    """How many takes there are, and how many a page has."""

    takes: int = 50_000
    page: int = 200
    weighed: int = 5_000
    """Takes of a session of its own whose scores are worked out anew, a hundred of a caption."""

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(300, 20, 50)


def run(sizes: Sizes) -> list[Area]:
    """Both tables, in a folder that is made for them on the disk of temporary files."""
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        session = Path(folder) / "jam"
        _say(f"writing {sizes.takes:,} takes")
        fill(session, sizes.takes)
        areas = [_life(session, sizes), _pages(session, sizes)]
        fill(other := Path(folder) / "weighed", sizes.weighed, alike=_ALIKE)
        return [*areas, asyncio.run(_weighing(other, sizes.weighed))]


def fill(session: Path, count: int, *, alike: int = 1) -> None:
    """Writes a session of ``count`` takes as files alone, without an index; so many in a row were asked ``alike``."""
    draw = random.Random(0)
    for room in ("takes", "latents"):
        (session / room).mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        made = take(number, draw)
        if alike > 1:
            made = made.replace(request={**made.request, "caption": f"no. {number // alike}", "lyrics": "la la"})
        (session / made.place("json")).write_bytes(made.to_json())
        (session / made.place("audio")).write_bytes(b"x")
        (session / made.place("latents")).write_bytes(b"x")


def take(number: int, draw: random.Random) -> Take:
    """A take as a loop leaves it."""
    words = draw.sample(_WORDS, 8)
    name, seed = " ".join(words[:2]), draw.randrange(2**32)
    lyrics = "\n".join(" ".join(draw.choices(_WORDS, k=7)) for _ in range(24))
    request = {**_REQUEST, "caption": ", ".join(words), "lyrics": lyrics, "seed": seed, "bpm": draw.randint(60, 180)}
    return Take(
        id=f"{number:016x}",
        number=number,
        name=name,
        seed=seed,
        duration=60.0 + draw.random(),
        request=request,
        files={"audio": f"takes/{stem(number, name, seed)}.flac", "latents": f"latents/{number:04d}.safetensors"},
        created=f"2026-01-{draw.randint(1, 28):02d}T00:00:00Z",
        score=draw.random() if draw.random() < 0.9 else None,
        parts={part: draw.random() for part in _PARTS},
        faults=("silence",) if draw.random() < 0.05 else (),
        heard=draw.random() < 0.5,
        rating=draw.choice((None, None, 3, 5)),
        tags=("keep",) if draw.random() < 0.1 else (),
        parent=f"{draw.randrange(1, number):016x}" if number > 1 and draw.random() < 0.3 else None,
        revision=number // 500,
        identity={"engine": "0.1.0", "device": "cuda:0", "dtype": "bfloat16", "dit": "acestep-v15-turbo", "lanes": 8},
        timings={stage: draw.random() for stage in _STAGES},
    )


def _life(session: Path, sizes: Sizes) -> Area:
    area = Area(f"A session of {sizes.takes:,} takes: opening and committing", ("took", "peer"))

    def row(what: str, seconds: float, note: str = "", **options: Target) -> None:
        _say(what)
        area.rows.append(Row(what, seconds, note=note, **options))

    took, store = _timed(lambda: Store.open(session))
    row("open without an index", took, "every JSON read")
    store.close()
    opened = []
    for _ in range(_TIMES):
        took, store = _timed(lambda: Store.open(session))
        opened.append(took)
        store.close()
    row("open", median(opened), f"after a clean end, {_TIMES} times", target=targets.STORE_OPEN)
    _abandon(session)
    took, store = _timed(lambda: Store.open(session))
    row("open after a crash", took, "every name and JSON's time compared")
    draw = random.Random(1)
    commits, changes = [], []
    for number in range(sizes.takes + 1, sizes.takes + 1 + 4 * _TIMES):
        made = take(number, draw)
        (session / made.place("audio")).write_bytes(b"x")
        (session / made.place("latents")).write_bytes(b"x")
        commits.append(_timed(lambda made=made: store.commit(made))[0])
        changes.append(_timed(lambda number=number: store.change(number, verdict="liked"))[0])
    row("commit a take", median(commits), "synced twice; files in place")
    row("change a verdict", median(changes), "synced twice")
    store.close()
    took, store = _timed(lambda: Store.open(session, read_only=True))
    row("open for reading", took, "a copy of the index in memory")
    store.close()
    size = (session / "takes.db").stat().st_size
    area.rows.append(Row("size of the index", size, unit="bytes", note=f"{size / sizes.takes:,.0f} a take"))
    return area


def _pages(session: Path, sizes: Sizes) -> Area:
    area = Area(f"Pages of {sizes.page} among {sizes.takes:,} takes", ("median", "slowest"))
    fields = [*COLUMNS, *(f"parts.{part}" for part in _PARTS), "identity.device"]
    with Store.open(session) as store:

        def race(what: str, read: Callable[[str], object], **options: Target) -> None:
            _say(what)
            taken = [median(_timed(lambda key=key: read(key))[0] for _ in range(_TIMES)) for key in keys]
            area.rows.append(Row(what, median(taken), max(taken), note=f"{len(keys)} sorts", **options))

        _say("every sort for the first time")
        first = {key: _timed(lambda key=key: store.summaries("", key, sizes.page))[0] for key in fields}
        slowest = max(first, key=lambda key: first[key])
        area.rows.append(Row("first use of a sort", median(first.values()), first[slowest], note=f"slowest: {slowest}"))
        keys = [f"{way}{field}" for field in fields for way in ("", "-")]
        middle = sizes.takes // 2
        race("page sorted by any field", lambda key: store.query("", key, sizes.page), target=targets.STORE_PAGE)
        race("from the middle", lambda key: store.query("", key, sizes.page, middle), target=targets.STORE_PAGE)
        race("the same in short form", lambda key: store.summaries("", key, sizes.page), target=targets.STORE_PAGE)
        filters = ("score>=0.8 and liked", "bpm<100 or rating=5", "tags:keep", "caption~neon", '"night"', "parent:7")
        keys = list(filters)
        race("page of a filter, by score", lambda key: store.summaries(key, "-score", sizes.page))
        area.rows.append(Row("counts", median(_timed(store.counts)[0] for _ in range(_TIMES))))
    area.notes.append(f"{len(FIELDS)} fields of a request and {len(COLUMNS)} columns in all, up and down.")
    return area


async def _weighing(session: Path, count: int) -> Area:
    area = Area(f"The scores of {count:,} takes, {_ALIKE} of a caption, by other weights", ("took", "processor"))
    with Store.open(session) as store:
        # What nothing has weighed yet has scores that were drawn; the second time all are as they are to be.
        for what in ("all are others", "none is another"):
            _say(what)
            store.note(WEIGHED, None)
            weighing, began, busy = Weighing(store, EventLog(), ScoreSettings), time.perf_counter(), time.process_time()
            await weighing.begin()
            await weighing.settle()
            took = time.perf_counter() - began, time.process_time() - busy
            area.rows.append(Row(what, *took, note="beside everything else, pausing as long as it works"))
            await weighing.close()
    return area


def _abandon(session: Path) -> None:
    """Leaves a session as a killed process does: its index open."""
    store = Store.open(session)
    copy = session / "takes.db.killed"
    shutil.copy(session / "takes.db", copy)
    wal = session / "takes.db-wal"
    kept = wal.read_bytes() if wal.exists() else b""
    store.close()
    copy.replace(session / "takes.db")
    if kept:
        wal.write_bytes(kept)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _say(what: str) -> None:
    print(f"[store] {what}", file=sys.stderr, flush=True)
