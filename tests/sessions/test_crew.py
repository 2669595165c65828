"""Several engines behind one door: who gets which job, and what becomes of it when an engine is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadCheckpoint, Cancelled
from engine.protocol import Done, Output
from sessions.crew import Crew
from sessions.engine_life import EngineLost
from sessions.events import EventLog
from sessions.supervisor import Supervisor
from sessions.workers import ALONE, Worker
from tests.sessions.jamming import FAST, Stage, run, stage, state

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

REQUEST: dict[str, Any] = {"caption": "x", "seeds": [1], "retake_seed": [], "duration": 10.0}
SECONDS = 20.0
HOLD = {"stage": "sampling", "do": "hold", "times": 1}
TWO = (Worker(name="cpu 1", device="cpu"), Worker(name="cpu 2", device="cpu"))


@pytest.fixture
def made(tmp_path: Path) -> Stage:
    made = stage(tmp_path)
    (made.folder / "takes").mkdir()
    return made


@asynccontextmanager
async def crew(
    made: Stage, workers: tuple[Worker, ...] = TWO, *, ready: bool = True, sources: Any = None
) -> AsyncIterator[tuple[Crew, EventLog]]:
    events = EventLog()
    engines = [Supervisor({}, events, command=made.command, patience=FAST, name=worker.name) for worker in workers]
    found = Crew(engines, {}, events, workers=workers, sources=sources)
    async with AsyncExitStack() as stack:
        for engine in engines:
            await stack.enter_async_context(engine)
        if ready:
            await made.until(lambda: all(engine.ready for engine in engines))
        yield found, events


def job(found: Crew, made: Stage, name: str, where: dict[str, str] | None = None, **options: Any) -> asyncio.Task[Any]:
    """A render that is under way; ``where`` gets the name of its engine."""

    def aboard(engine: Supervisor) -> None:
        if where is not None:
            where[name] = engine.name

    async def through() -> Any:
        output = Output(str(made.folder / "takes"), f"{name}-{{index}}", keep_latents=True)
        events = found.render(name, REQUEST, output, aboard=aboard, **options)
        return [event async for event in events][-1]

    return asyncio.create_task(through())


async def full(made: Stage, found: Crew, where: dict[str, str], names: str = "abcd") -> list[asyncio.Task[Any]]:
    """Jobs, of which either engine has one that holds and one behind it; further ones wait in line."""
    jobs = [job(found, made, name, where) for name in names]
    await made.until(lambda: len(where) == 4)
    return jobs


def told(events: EventLog) -> list[str]:
    return [str(event.data["text"]) for event in events.after(0) if event.event == "notice"]


def test_jobs_go_to_the_engine_with_the_fewest_and_wait_in_line_where_all_are_full(made: Stage) -> None:
    made.plan(faults=[HOLD | {"times": 2}])

    async def conversation() -> None:
        async with crew(made) as (found, _):
            where: dict[str, str] = {}
            jobs = await full(made, found, where, "abcdef")
            await asyncio.sleep(0.1)
            assert where == {"a": "cpu 1", "b": "cpu 2", "c": "cpu 1", "d": "cpu 2"}
            made.release()
            assert all(isinstance(end, Done) for end in await asyncio.gather(*jobs))
            assert list(where) == list("abcdef")

    run(conversation())


def test_what_hurries_goes_before_what_waits_and_behind_nothing(made: Stage) -> None:
    made.plan(faults=[HOLD | {"times": 2}])

    async def conversation() -> None:
        async with crew(made) as (found, _):
            where: dict[str, str] = {}
            jobs = await full(made, found, where)
            jobs += [job(found, made, "later", where), job(found, made, "now", where, urgent=True)]
            await found.cancel("b")
            await found.cancel("d")
            await made.until(lambda: "now" in where)
            made.release()
            await asyncio.gather(*jobs, return_exceptions=True)
            assert list(where)[4:] == ["now", "later"]
            assert where["now"] == "cpu 2"

    run(conversation())


def test_what_an_engine_loses_is_done_by_another_one(made: Stage) -> None:
    made.plan(faults=[HOLD])

    async def conversation() -> None:
        async with crew(made) as (found, events):
            where: dict[str, str] = {}
            first = job(found, made, "a", where)
            await made.until(lambda: made.held)
            pid = found.engines[0].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(EngineLost):
                await first
            assert found.ready
            assert not found.restarting
            assert isinstance(await job(found, made, "again", where), Done)
            assert where == {"a": "cpu 1", "again": "cpu 2"}
            await made.until(lambda: found.width == 2)
            assert [text[:18] for text in told(events)] == ["cpu 1: The engine "]

    run(conversation())


def test_an_engine_that_is_given_up_is_told_of_and_the_others_go_on(made: Stage) -> None:
    made.plan(faults=[{"stage": "load", "do": "missing"}])

    async def conversation() -> None:
        async with crew(made, ready=False) as (found, events):
            await made.until(lambda: found.ready and any(engine.failure for engine in found.engines))
            (lost,) = [engine for engine in found.engines if engine.failure]
            assert (found.failure, found.width) == (None, 1)
            assert isinstance(await job(found, made, "a"), Done)
            assert told(events) == [f"{lost.name}: There is no model. The other engines go on."]
            found.retry()
            await made.until(lambda: found.width == 2)

    run(conversation())


def test_there_is_no_hope_where_every_engine_is_given_up(made: Stage) -> None:
    made.plan(faults=[{"stage": "load", "do": "missing", "times": -1}])

    async def conversation() -> None:
        async with crew(made, ready=False) as (found, _):
            jobs = [job(found, made, name) for name in "ab"]
            for each in jobs:
                with pytest.raises(BadCheckpoint):
                    await each
            assert isinstance(found.failure, BadCheckpoint)
            assert found.width == 1
            made.plan()
            found.retry()
            assert isinstance(await job(found, made, "c"), Done)

    run(conversation())


def test_models_are_the_same_for_all_but_for_what_is_their_own() -> None:
    events = EventLog()
    workers = (Worker(name="a", device="cuda:0"), Worker(name="b", device="cpu", threads=2))
    engines = [Supervisor(worker.options({}), events, name=worker.name) for worker in workers]
    found = Crew(engines, {}, events, workers=workers)
    found.use({"dit": "x", "device": "auto"})
    assert [engine.models for engine in engines] == [
        {"dit": "x", "device": "cuda:0"},
        {"dit": "x", "device": "cpu", "threads": 2},
    ]
    assert found.models == {"dit": "x", "device": "auto"}
    found.use({"dit": "x", "threads": 4})
    assert engines[1].models["threads"] == 4


@pytest.mark.parametrize("workers", [ALONE, TWO])
def test_a_job_can_be_cancelled_while_its_sources_are_looked_up(made: Stage, workers: tuple[Worker, ...]) -> None:
    looked, go_on = threading.Event(), threading.Event()

    class Slow:
        def given(self, request: Any) -> tuple[Any, dict[str, str | None]]:
            looked.set()
            go_on.wait(SECONDS)
            return request, {}

    made.plan(faults=[{"stage": "load", "do": "hold"}])

    async def conversation() -> None:
        async with crew(made, workers, ready=False, sources=Slow()) as (found, _):
            waits = job(found, made, "job")
            await asyncio.to_thread(looked.wait, SECONDS)
            await found.cancel("job")
            go_on.set()
            with pytest.raises(Cancelled):
                await asyncio.wait_for(waits, SECONDS)
            made.release()

    run(conversation())


def test_a_job_in_line_can_be_cancelled(made: Stage) -> None:
    made.plan(faults=[HOLD | {"times": 2}])

    async def conversation() -> None:
        async with crew(made) as (found, _):
            where: dict[str, str] = {}
            jobs = await full(made, found, where)
            waits = job(found, made, "e", where)
            await asyncio.sleep(0.05)
            await found.cancel("e")
            with pytest.raises(Cancelled):
                await waits
            made.release()
            await asyncio.gather(*jobs)
            await found.cancel("a")  # what is over is no error
            assert found.idle() == list(found.engines)

    run(conversation())
