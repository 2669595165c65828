"""A jam in the foreground has the same rooms as a studio: it waits for its card, and keeps its lock."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest

from sessions import at_work
from sessions.at_work import Equipment
from sessions.gpu_lease import Lease
from sessions.lock import FILE, SessionBusy, SessionLock
from sessions.lock_keeper import LockKeeper
from tests.sessions.jamming import run, stage, state, whole

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_a_jam_waits_for_a_card_that_a_studio_has_and_names_it(tmp_path: Path) -> None:
    made = stage(tmp_path, models={"device": "cuda:0"})
    lease = Lease("cuda-0", "first-session")
    assert lease.try_now() is None

    async def act() -> None:
        async with made.open() as jam:
            running = asyncio.create_task(jam.run(takes=2))
            await made.until(lambda: made.told("the session first-session"))
            await asyncio.sleep(0.3)
            assert (jam.engine.pid, jam.loop.state) == (None, "loading")
            lease.release()
            assert (await running).made == 2
            assert str(Lease("cuda-0", "third").try_now()).startswith("the session jam")

    run(act())
    assert Lease("cuda-0", "third").try_now() is None
    whole(made, made.takes)


def test_a_jam_that_waits_for_a_card_can_be_stopped(tmp_path: Path) -> None:
    made = stage(tmp_path)
    lease = Lease("cuda-1", "first-session")
    assert lease.try_now() is None

    async def act() -> None:
        async with made.open(models={"device": "cuda:1"}) as jam:  # what a person says goes before the session's own
            running = asyncio.create_task(jam.run(takes=2))
            await made.until(lambda: made.told("first-session"))
            jam.loop.stop("now", "Ctrl-C")
            assert (await running).made == 0

    run(act())


def test_a_lock_that_is_removed_is_taken_again_and_the_jam_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "LockKeeper", partial(LockKeeper, beat_seconds=0.02))
    made = stage(tmp_path, plan={"step_seconds": 0.05})

    async def act() -> None:
        async with made.open() as jam:
            running = asyncio.create_task(jam.run(takes=4))
            await made.until(lambda: made.takes)
            (made.folder / FILE).unlink()
            await made.until((made.folder / FILE).exists)
            await asyncio.sleep(0.1)
            with pytest.raises(SessionBusy, match=str(os.getpid())):
                SessionLock.acquire(made.folder)
            assert (await running).made == 4

    run(act())


def test_a_jam_whose_session_somebody_else_has_by_then_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_work, "LockKeeper", partial(LockKeeper, beat_seconds=0.2))
    made = stage(tmp_path, plan={"step_seconds": 0.05})

    async def act() -> None:
        async with made.open() as jam:
            running = asyncio.create_task(jam.run(takes=1000))
            await made.until(lambda: made.takes)
            (made.folder / FILE).unlink()
            with SessionLock.acquire(made.folder):
                assert (await running).reason == "the session's lock was lost"

    run(act())
    assert made.told("Another process has taken the session jam")


def test_models_of_the_moment_go_before_the_session_s(tmp_path: Path) -> None:
    made = stage(tmp_path, models={"device": "cuda:3", "threads": 2})

    async def act() -> None:
        async with made.open(models={"device": "cpu", "dit": None}) as jam:
            options = Equipment(models={"device": "cpu"}).load_options(made.folder, jam.revisions.current)
            assert (options["device"], options["threads"], options["dit"]) == ("cpu", 2, None)

    run(act())


def test_what_the_engine_remarks_is_told_once_for_each_revision(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"notice": True})

    async def act() -> None:
        async with made.open() as jam:
            await jam.run(takes=4)
        assert [notice["text"] for notice in made.of("notice")] == ["Made by a double."]
        async with made.open(recipe={"bpm": 90}) as jam:
            await jam.run(takes=2)

    run(act())
    assert [notice["text"] for notice in made.of("notice")] == ["Made by a double."] * 2
