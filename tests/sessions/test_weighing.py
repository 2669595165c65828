"""Scores that follow what changes: a pool that grows, weights that were edited while the session was closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.scoring.ranking import family
from sessions.events import EventLog
from sessions.index import WEIGHED
from sessions.pools import Pools, every_scale
from sessions.standing import why
from sessions.store import Store
from sessions.tables import ScoreSettings
from sessions.take import Take
from sessions.toml_edit import with_values
from sessions.weighing import Weighing
from tests.sessions.jamming import Stage, run, stage, state
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
    known = every_scale(store.several(range(1, 13)))
    assert known[family(take.request, take.identity)] == Pools(store).scales(take)
    assert len(known) == 3  # jazz, fast jazz, and jazz by another planner
    assert Pools(store).scales(store.get(10)) == Pools(store).scales(take)  # what did not pass is held against it too


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
    written, begun, weigh = [], asyncio.Event(), store.weigh
    loop = asyncio.get_running_loop()

    def slowly(numbers: Sequence[int], score_of: Callable[[Take], float | None]) -> list[Take]:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.02)
        weighed = weigh(numbers, score_of)
        written.extend(take.number for take in weighed)
        return weighed

    monkeypatch.setattr(store, "weigh", slowly)
    monkeypatch.setattr("sessions.weighing._AT_ONCE", 2)
    weighing = Weighing(store, EventLog(), ScoreSettings)
    weighing.again()
    await begun.wait()
    await weighing.close()
    at_the_end = list(written)
    await asyncio.sleep(0.2)
    assert written == at_the_end
    assert 0 < len(written) < 30
    assert store.noted(WEIGHED) is None  # the next opening goes on


async def test_who_closes_while_the_last_are_weighed_does_not_note_that_all_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(store, 0.5, score=0.1)
    weighing, order = Weighing(store, EventLog(), ScoreSettings), store.order

    def ending(*asked: str) -> list[int]:
        weighing._ending.set()
        return order(*asked)

    monkeypatch.setattr(store, "order", ending)
    weighing.again()
    await weighing.settle()
    assert (store.get(1).score, store.noted(WEIGHED)) == (0.1, None)


async def weigh_all(store: Store) -> list[int]:
    """Weighs what the note says is to be weighed, and returns the numbers of those whose score has moved."""
    events = EventLog()
    weighing = Weighing(store, events, ScoreSettings)
    await weighing.begin()
    await weighing.settle()
    await weighing.close()
    assert store.noted(WEIGHED) is not None
    return [event.data["number"] for event in events.after(0) if event.event == "scored"]


async def test_takes_of_many_pools_are_weighed_without_reading_their_pools_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = 6
    for number in range(10 * pools):
        said(store, 0.4 + 0.002 * number, score=0.1, request={**JAZZ, "caption": f"jazz {number % pools}"})
    right = [Weighing(store, EventLog(), ScoreSettings).score_of(take) for take in store.several(range(1, 61))]
    monkeypatch.setattr("sessions.pools.MOST_POOLS", 2)
    monkeypatch.setattr("sessions.pools.alike", lambda *_: pytest.fail("a pool was read by itself"))
    await weigh_all(store)
    assert [take.score for take in store.several(range(1, 61))] == right
    assert len(set(right)) > 5


async def test_the_best_are_weighed_first_and_the_trash_last(store: Store) -> None:
    for score in (0.1, 0.3, 0.2, 0.4):
        said(store, 0.5, score=score)
    store.trash(4)
    assert await weigh_all(store) == [2, 3, 1, 4]
    assert await weigh_all(store) == []


async def test_weighing_writes_the_index_alone_and_a_verdict_takes_the_score_along(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for _ in range(3):
            said(store, 0.5, score=0.1)
        paths = [store.path(store.get(number), "json") for number in (1, 2, 3)]
        before = [path.read_bytes() for path in paths]
        await weigh_all(store)
        assert [path.read_bytes() for path in paths] == before
        assert [take.score for take in store.summaries("score=0.76")[0]] == [0.76] * 3
        store.change(2, rating=4)
        assert Take.from_json(paths[1].read_bytes()).score == store.get(2).score == 0.76
    with Store.open(tmp_path) as store:  # nothing is read, and nothing is to be weighed
        assert await weigh_all(store) == []
    (tmp_path / "takes.db").unlink()
    with Store.open(tmp_path) as store:
        assert [store.get(number).score for number in (1, 2, 3)] == [0.1, 0.76, 0.1]
        assert sorted(await weigh_all(store)) == [1, 3]
        assert {store.get(number).score for number in (1, 2, 3)} == {0.76}


async def test_killed_while_it_weighs_the_next_start_has_every_score_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions.weighing._AT_ONCE", 4)
    left: list[dict[str, bytes]] = []
    with Store.open(tmp_path) as store:
        for number in range(12):
            said(store, 0.4 + 0.02 * number, score=0.1)
        weigh = store.weigh

        def as_it_is_killed(numbers: Sequence[int], score_of: Callable[[Take], float | None]) -> list[Take]:
            weighed = weigh(numbers, score_of)
            left.append({path.name: path.read_bytes() for path in tmp_path.glob("takes.db*")})
            return weighed

        monkeypatch.setattr(store, "weigh", as_it_is_killed)
        await weigh_all(store)
        right = [take.score for take in store.several(range(1, 13))]
    assert len(left) == 3
    for done, index in enumerate(left, 1):
        for name, content in index.items():
            (tmp_path / name).write_bytes(content)
        with Store.open(tmp_path) as store:
            assert not store._living.trusted
            assert store.report.lines() == []
            assert len(await weigh_all(store)) == 12 - 4 * done
            assert [take.score for take in store.several(range(1, 13))] == right


async def test_a_file_that_was_edited_meanwhile_has_its_score_weighed(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for _ in range(2):
            said(store, 0.5, score=0.1)
        await weigh_all(store)
        path = store.path(store.get(1), "json")
    path.write_text(path.read_text().replace('"note": ""', '"note": "the one"'))
    with Store.open(tmp_path) as store:
        assert store.look_again() == [1]
        assert (store.get(1).note, store.get(1).score) == ("the one", 0.1)
        assert await weigh_all(store) == [1]
        assert store.get(1).score == store.get(2).score == 0.76


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


async def makes(made: Stage, takes: int) -> None:
    async with made.open() as jam:
        await jam.run(headless=True, takes=takes)


async def weighs(made: Stage, takes: int) -> None:
    """Is open until so many takes have another score."""
    async with made.open():
        await made.until(lambda: len(made.of("scored")) == takes)


def test_weights_that_were_edited_while_it_was_closed_count_at_the_opening(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS})

    run(makes(made, 2))
    file = made.folder / "session.toml"
    file.write_text(with_values(file.read_text(), ("scores",), {"signal": 0.0, "semantic": 0.0}))
    run(weighs(made, 2))
    with Store.open(made.folder) as store:
        assert [store.get(number).score for number in (1, 2)] == [0.76, 0.76]
        before = store.noted(WEIGHED)
    run(makes(made, 2))
    with Store.open(made.folder) as store:
        assert store.noted(WEIGHED) == before
    assert len(made.of("scored")) == 2  # nothing was weighed again


def test_what_was_not_weighed_before_the_end_is_weighed_at_the_next_opening(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS})

    run(makes(made, 1))
    with Store.open(made.folder) as store:
        store.change(1, score=0.1)
        store.note(WEIGHED, None)
    run(weighs(made, 1))
    with Store.open(made.folder) as store:
        assert store.get(1).score == 0.82
