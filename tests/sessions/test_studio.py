"""The studio in one process: edits from both sides, people before the loop, and a loop that outlives its studio."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sessions import engine_room
from sessions.discovery import Place
from sessions.errors import Clash
from sessions.gpu_lease import Lease
from sessions.lock import FILE, SessionBusy, SessionLock
from sessions.lock_keeper import LockKeeper
from sessions.loop_wish import LoopWish
from sessions.settings import LoopSettings
from sessions.store import Store
from sessions.studio import Studio
from tests.sessions.jamming import Stage, run, stage, state
from tests.sessions.studios import loop_file

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

HOLD = {"faults": [{"stage": "sampling", "do": "hold"}]}


@contextlib.asynccontextmanager
async def opened(made: Stage) -> AsyncIterator[Studio]:
    """The studio of a session, with its events gathered in ``made.seen``."""
    place = Place.of(made.folder)
    place.make()
    async with Studio.open(made.folder, place, command=made.command) as studio:

        async def gather() -> None:
            async for event in studio.events.follow(0):
                made.seen.append(event)

        task = asyncio.create_task(gather())
        try:
            yield studio
        finally:
            await asyncio.sleep(0)
            task.cancel()


def on_studio(tmp_path: Path, act: Any, **tables: Any) -> Stage:
    made = stage(tmp_path, **tables)

    async def session() -> None:
        async with opened(made) as studio:
            await act(studio, made)

    run(session())
    return made


def test_a_saved_edit_and_a_change_from_here_meet_in_one_history(tmp_path: Path) -> None:
    async def act(studio: Studio, made: Stage) -> None:
        file = made.folder / "session.toml"
        file.write_text(file.read_text().replace("Neon drive", "Slow rain"))
        await made.until(lambda: made.of("recipe"))
        assert studio.revisions.current.number == 2
        with pytest.raises(Clash):
            await studio.change_recipe({"recipe": {"bpm": 90}}, 1)
        revision = await studio.change_recipe({"recipe": {"bpm": 90}}, 2)
        assert "Slow rain" in file.read_text()
        assert revision.number == 3
        await asyncio.sleep(1)  # the studio's own save is seen by its watcher, and is no edit
        assert studio.revisions.current.number == 3
        (take,) = await (await studio.ask({}))
        assert (take.revision, take.request["bpm"]) == (3, 90)

    made = on_studio(tmp_path, act)
    assert [event["revision"] for event in made.of("recipe")] == [2, 3]


def test_a_broken_edit_is_told_and_the_last_good_one_goes_on(tmp_path: Path) -> None:
    async def act(studio: Studio, made: Stage) -> None:
        file = made.folder / "session.toml"
        good = file.read_text()
        file.write_text("[recipe]\nbpm = ")
        await made.until(lambda: made.told("line 2"))
        assert studio.revisions.problem is not None
        assert len(await (await studio.ask({}))) == 1
        file.write_text(good + "\n# mended\n")
        await made.until(lambda: studio.revisions.problem is None)

    on_studio(tmp_path, act)


def test_two_studios_do_not_have_one_session(tmp_path: Path) -> None:
    async def act(studio: Studio, made: Stage) -> None:
        with pytest.raises(SessionBusy, match=str(os.getpid())):
            async with Studio.open(made.folder, studio.place, command=made.command):
                pass

    on_studio(tmp_path, act)


def test_a_loop_that_was_on_goes_on_after_the_studio_was_ended(tmp_path: Path) -> None:
    made = stage(tmp_path, loop={"takes": 6}, plan={"step_seconds": 0.01})

    async def first() -> None:
        async with opened(made) as studio:
            await studio.steering.steer("on", {})
            await made.until(lambda: len(made.takes) >= 2)

    async def second() -> None:
        async with opened(made) as studio:
            await made.until(lambda: made.of("done"))
            assert studio.store.counts().takes == 6

    run(first())
    assert loop_file(made) is not None
    run(second())
    assert made.told("goes on")
    assert loop_file(made) is None
    assert sorted(take["number"] for take in made.takes)[-1] >= 6
    (done,) = made.of("done")
    assert done["summary"]["report"].startswith("reports/")
    assert (made.folder / done["summary"]["report"]).exists()


def test_a_loop_that_was_turned_off_stays_off(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def first() -> None:
        async with opened(made) as studio:
            await studio.steering.steer("on", {"headless": True})
            await made.until(lambda: made.takes)
            await studio.steering.steer("stop-now", {})
            await studio.loop.off()

    async def second() -> None:
        async with opened(made) as studio:
            await made.until(lambda: studio.engine.ready)
            assert studio.loop.run is None
            assert studio.idle

    run(first())
    run(second())


def test_a_loop_that_is_wanted_again_while_it_stops_begins_again(tmp_path: Path) -> None:
    async def act(studio: Studio, made: Stage) -> None:
        await studio.steering.steer("on", {"headless": True})
        await made.until(lambda: made.held and studio.loop.progress())  # the loop has heard of it
        await studio.steering.steer("off", {})
        await made.until(lambda: studio.loop.state == "stopping")
        await studio.steering.steer("on", {"takes": 3})
        made.release()
        await made.until(lambda: len(made.of("done")) == 2)
        assert made.of("done")[1]["summary"]["made"] == 3
        await made.until(lambda: studio.idle)

    on_studio(tmp_path, act, plan=HOLD)


def test_what_is_left_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stage(tmp_path)
    with Store.open(made.folder) as store:
        monkeypatch.setattr("time.time", lambda: 1000.0)
        wish = LoopWish.now(store, {"takes": 5, "headless": True})
        wish.save(tmp_path)
        assert LoopWish.read(tmp_path) == wish
        assert wish.left(LoopSettings(), store) == {"takes": 5, "headless": True}
        monkeypatch.setattr("time.time", lambda: 1000.0 + 30 * 60)
        assert LoopWish.now(store, {}).left(LoopSettings(), store) == {}
        assert wish.left(LoopSettings(minutes=50), store) == {"takes": 5, "headless": True, "minutes": 20}
        assert wish.left(LoopSettings(minutes=30), store) is None
    for broken in (
        "",
        "{}",
        '{"format": 1, "overrides": {"x": 1}, "after": 0, "began": 0}',
        '{"format": 2}',
        "[" * 9999,
    ):
        (tmp_path / "loop.json").write_text(broken)
        assert LoopWish.read(tmp_path) is None


def test_what_was_asked_for_is_made_also_when_nobody_waits(tmp_path: Path) -> None:
    async def act(studio: Studio, made: Stage) -> None:
        await studio.ask({"batch_size": 2})
        assert not studio.idle
        await made.until(lambda: studio.idle)
        assert studio.store.counts().takes == 2

    on_studio(tmp_path, act)


def test_a_model_that_is_missing_is_told_to_who_is_there(tmp_path: Path) -> None:
    async def act(studio: Studio, made: Stage) -> None:
        await made.until(lambda: made.told("There is no model."))
        made.plan()
        assert len(await (await studio.ask({}))) == 1

    on_studio(tmp_path, act, plan={"faults": [{"stage": "load", "do": "missing"}]})


# --- the card ---------------------------------------------------------------------------------------------------------


def test_a_second_studio_waits_for_the_card_and_names_the_holder(tmp_path: Path) -> None:
    lease = Lease("cuda-0", "first-session")
    assert lease.try_now() is None

    async def act(studio: Studio, made: Stage) -> None:
        work = await studio.ask({})
        await made.until(lambda: made.told("first-session"))
        await asyncio.sleep(0.3)
        assert str(studio.room.waiting_for) == f"the session first-session (process {os.getpid()})"
        assert studio.engine.pid is None
        assert lease.is_wanted()
        lease.release()
        assert len(await work) == 1
        assert studio.room.waiting_for is None
        assert str(Lease("cuda-0", "third").try_now()).startswith("the session jam")

    on_studio(tmp_path, act, models={"device": "cuda:0"})
    assert Lease("cuda-0", "third").try_now() is None


def test_a_studio_with_nothing_to_do_hands_the_card_over_and_gets_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_room, "HAND_OVER_SECONDS", 0.2)
    monkeypatch.setattr(engine_room, "LOOK_SECONDS", 0.05)

    async def act(studio: Studio, made: Stage) -> None:
        await made.until(lambda: studio.engine.ready)
        other = Lease("cuda-1", "other")
        await asyncio.wait_for(other.acquire(lambda holder: None), 30)
        assert studio.engine.pid is None
        work = await studio.ask({})
        await made.until(lambda: studio.room.waiting_for)
        other.release()
        assert len(await work) == 1

    on_studio(tmp_path, act, models={"device": "cuda:1"})


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path: Path) -> None:
    async def act() -> None:
        async with LockKeeper(tmp_path, beat_seconds=0.02) as keeper:
            (tmp_path / FILE).unlink()
            async with asyncio.timeout(5):
                while not (tmp_path / FILE).exists():
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            with pytest.raises(SessionBusy):
                SessionLock.acquire(tmp_path)
            assert not keeper.lost.is_set()
        SessionLock.acquire(tmp_path).release()

    asyncio.run(act())


def test_a_lock_that_somebody_else_has_by_then_is_lost(tmp_path: Path) -> None:
    async def act() -> None:
        async with LockKeeper(tmp_path, beat_seconds=0.2) as keeper:
            (tmp_path / FILE).unlink()
            with SessionLock.acquire(tmp_path):
                await asyncio.wait_for(keeper.lost.wait(), 5)

    asyncio.run(act())
