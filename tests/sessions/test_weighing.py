"""Scores that follow what changes: a pool that grows, weights that were edited while the session was closed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sessions.events import EventLog
from sessions.pools import Pools
from sessions.standing import why
from sessions.store import Store
from sessions.tables import ScoreSettings
from sessions.take import Take
from sessions.toml_edit import with_values
from sessions.weighing import Weighing
from tests.sessions.jamming import run, stage, state
from tests.sessions.takes import committed, no_waiting

__all__ = ["no_waiting", "state"]

pytestmark = pytest.mark.usefixtures("no_waiting", "state")

JAZZ = {"caption": "slow jazz", "lyrics": ""}
PARTS = {"tempo": 1.0, "key": 0.5, "signal": 0.9}


def said(store: Store, semantic: float, **fields: Any) -> Take:
    parts = {"semantic": semantic, "tempo": 1.0, "signal": 1.0}
    return committed(store, **{"request": JAZZ, "parts": parts, **fields})


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path) as store:
        yield store


def test_a_pool_learns_from_its_eighth_take_and_then_from_the_sixteenth(store: Store) -> None:
    pools = Pools(store)
    moved = {}
    for number in range(1, 18):
        take = said(store, 0.5 + 0.01 * number)
        if numbers := pools.join(take):
            moved[number] = numbers
        assert bool(pools.scales(take)) == (number >= 8)
    assert moved == {8: list(range(1, 9)), 16: list(range(1, 17))}
    assert Pools(store).scales(store.get(3)) == pools.scales(store.get(3))  # read anew it is the same


def test_only_takes_that_passed_and_were_asked_the_same_are_in_it(store: Store) -> None:
    for number in range(9):
        take = said(store, 0.5 + 0.01 * number)
    for fields in ({"faults": ("silent",)}, {"request": {**JAZZ, "caption": "fast jazz"}}, {"identity": {"lm": "x"}}):
        said(store, 0.9, **fields)
    store.trash(3)
    assert Pools(store).scales(take)["semantic"].middle == pytest.approx(0.535)
    known = Pools(store)
    known.read(store.several(range(1, 13)))
    assert known.scales(take) == Pools(store).scales(take)
    assert Pools(store).scales(store.get(10)) == known.scales(take)  # what did not pass is held against it too


def test_why_tells_the_pool_that_a_part_is_held_against(store: Store) -> None:
    for number in range(9):
        take = said(store, 0.5 + 0.01 * number)
    found = why(store, take, ScoreSettings())
    part = found["parts"][0]
    assert (part["name"], part["raw"]) == ("semantic", 0.58)
    assert part["pool"] == {"middle": 0.535, "spread": 0.1, "takes": 8}
    assert part["value"] == 0.5953  # half of .58, and half of 1 / (1 + e^-.45)
    assert found["parts"][1]["pool"] is None


async def test_nothing_is_written_once_it_is_closed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(30):
        said(store, 0.5, score=0.1)
    written, begun, change = [], asyncio.Event(), store.change
    loop = asyncio.get_running_loop()

    def slowly(number: int, **fields: Any) -> Take:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.02)
        changed = change(number, **fields)
        written.append(number)
        return changed

    monkeypatch.setattr(store, "change", slowly)
    weighing = Weighing(store, EventLog(), ScoreSettings)
    weighing.again()
    await begun.wait()
    await weighing.close()
    at_the_end = list(written)
    await asyncio.sleep(0.2)
    assert written == at_the_end
    assert 0 < len(written) < 30


def test_a_loop_weighs_its_pool_anew_at_the_eighth_take_and_says_so(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": {"semantic": 0.8, "signal": 0.9}})

    async def through() -> Any:
        async with made.open() as jam:
            await jam.run(headless=True, takes=8)
            await made.until(lambda: len(made.of("scored")) == 7)

    run(through())
    assert made.told("8 takes were asked alike by now")
    with Store.open(made.folder) as store:
        # seven were .8 x .5 + .9 x .25 over .75: .84; all are .65 now, as .5 x .8 + .5 x .5 counts for their .8
        assert {store.get(number).score for number in range(1, 9)} == {0.74}


def test_weights_that_were_edited_while_it_was_closed_count_at_the_opening(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS})

    async def render() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, takes=2)

    async def wait() -> Any:
        async with made.open():
            await made.until(lambda: len(made.of("scored")) == 2)

    run(render())
    file = made.folder / "session.toml"
    file.write_text(with_values(file.read_text(), ("scores",), {"signal": 0.0, "semantic": 0.0}))
    run(wait())
    with Store.open(made.folder) as store:
        assert [store.get(number).score for number in (1, 2)] == [0.76, 0.76]
        before = store.noted("weighed by")
    run(render())
    with Store.open(made.folder) as store:
        assert store.noted("weighed by") == before
    assert len(made.of("scored")) == 2  # nothing was weighed again


def test_what_was_not_weighed_before_the_end_is_weighed_at_the_next_opening(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS})

    async def render() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, takes=1)

    async def wait() -> Any:
        async with made.open():
            await made.until(lambda: bool(made.of("scored")))

    run(render())
    with Store.open(made.folder) as store:
        store.change(1, score=0.1)
        store.note("weighed by", None)
    run(wait())
    with Store.open(made.folder) as store:
        assert store.get(1).score == 0.82
