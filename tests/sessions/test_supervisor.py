"""The engine process under its supervisor: stalls that are named, deaths, growth, other models."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadCheckpoint, Cancelled
from engine.protocol import Done, Output, TakeEvent
from sessions.engine_life import EngineGaveUp, EngineLost, Patience
from sessions.events import EventLog
from sessions.memory_watch import SETTLING, MemoryWatch, resident_bytes
from sessions.supervisor import Supervisor
from sessions.watchdog import FACTOR, FLOORS, Stall, Watchdog
from tests.sessions.jamming import FAST, Stage, run, stage, state, whole

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

REQUEST: dict[str, Any] = {"caption": "x", "seeds": [1], "retake_seed": [], "duration": 10.0}


@pytest.fixture
def made(tmp_path: Path) -> Stage:
    made = stage(tmp_path)
    (made.folder / "takes").mkdir()
    return made


def supervised(made: Stage, events: EventLog | None = None, **options: Any) -> Supervisor:
    return Supervisor({}, events or EventLog(), command=made.command, **{"patience": FAST, **options})


async def render(supervisor: Supervisor, made: Stage, job: str = "job") -> list[Any]:
    output = Output(str(made.folder / "takes"), f"{job}-{{index}}", keep_latents=True)
    return [event async for event in supervisor.render(job, REQUEST, output)]


def notices(events: EventLog) -> list[dict[str, Any]]:
    return [dict(event.data) for event in events.after(0) if event.event == "notice"]


# --- deaths and stalls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["load", "conditions", "sampling", "decode", "write"])
def test_a_stage_that_stalls_is_named_and_another_engine_goes_on(made: Stage, at: str) -> None:
    made.plan(faults=[{"stage": at, "do": "stall"}])
    floors = dict.fromkeys(FLOORS, 0.5)

    async def conversation() -> list[dict[str, Any]]:
        events = EventLog()
        async with supervised(made, events, watchdog=Watchdog(floors, factor=2.0)) as supervisor:
            if at != "load":  # there, the job waits for the next engine without ever having been lost
                with pytest.raises(EngineLost, match=f"stalled in the stage '{at}'") as lost:
                    await render(supervisor, made)
                assert lost.value.stage == at
                assert not lost.value.killed
            assert isinstance((await render(supervisor, made, "again"))[-1], Done)
            assert (supervisor.starts, supervisor.deaths) == (2, 1)
        return notices(events)

    (notice,) = run(conversation())
    assert f"stalled in the stage '{at}'" in notice["text"]
    assert notice["stage"] == at


def test_an_engine_that_is_slow_but_moves_is_left_alone(made: Stage) -> None:
    made.plan(steps=12, step_seconds=0.2)

    async def conversation() -> None:
        async with supervised(made, watchdog=Watchdog(dict.fromkeys(FLOORS, 1.0))) as supervisor:
            await render(supervisor, made)
            assert supervisor.deaths == 0

    run(conversation())


def test_waits_grow_until_it_gives_up_with_the_engine_s_last_words(made: Stage) -> None:
    made.plan(faults=[{"stage": "load", "do": "die", "times": -1}])
    patience = replace(FAST, first_delay=0.1, longest_delay=0.3)

    async def conversation() -> list[dict[str, Any]]:
        events = EventLog()
        async with supervised(made, events, patience=patience) as supervisor:
            with pytest.raises(EngineGaveUp, match=r"4 times in a row.*exit code 7") as gave_up:
                await render(supervisor, made)
            assert "something about a bug" in gave_up.value.hint
            starts = supervisor.starts
            await asyncio.sleep(0.5)
            assert supervisor.starts == starts == 4
            made.plan()
            supervisor.retry()
            await render(supervisor, made)
        return notices(events)

    delays = [notice["text"].rpartition(" in ")[2] for notice in run(conversation())]
    assert delays == ["0.1 s.", "0.2 s.", "0.3 s."]


def test_a_take_makes_all_deaths_forgotten(made: Stage) -> None:
    made.plan(faults=[{"stage": "written", "do": "die", "render": n, "times": 1} for n in (2, 4, 6, 8, 10, 12)])

    async def conversation() -> None:
        async with supervised(made, patience=replace(FAST, deaths=2)) as supervisor:
            for job in range(12):
                if job % 2:
                    with pytest.raises(EngineLost):
                        await render(supervisor, made, f"job{job}")
                else:
                    await render(supervisor, made, f"job{job}")
            await made.until(lambda: supervisor.deaths == 6)

    run(conversation())


def test_a_program_that_is_not_there_is_a_reason(made: Stage) -> None:
    async def conversation() -> None:
        async with Supervisor({}, EventLog(), command=("/no/such/engine",), patience=FAST) as supervisor:
            with pytest.raises(EngineGaveUp, match="could not be started: No such file"):
                await render(supervisor, made)

    run(conversation())


def test_a_model_that_is_missing_is_not_asked_for_again_until_another_is_chosen(made: Stage) -> None:
    made.plan(faults=[{"stage": "load", "do": "missing"}])

    async def conversation() -> None:
        async with supervised(made) as supervisor:
            for _ in range(2):
                with pytest.raises(BadCheckpoint):
                    await render(supervisor, made)
            assert supervisor.starts == 1
            supervisor.use({"dit": "another"})
            await render(supervisor, made)
            assert supervisor.starts == 2

    run(conversation())


def test_kill_9_is_told_as_what_it_is(made: Stage) -> None:
    made.plan(faults=[{"stage": "sampling", "do": "kill"}])

    async def conversation() -> None:
        async with supervised(made) as supervisor:
            with pytest.raises(EngineLost, match="SIGKILL") as lost:
                await render(supervisor, made)
            assert lost.value.killed

    run(conversation())


def test_two_jobs_at_a_time_and_both_are_lost_together(made: Stage) -> None:
    made.plan(faults=[{"stage": "decode", "do": "hold"}])

    async def conversation() -> None:
        async with supervised(made) as supervisor:
            jobs = [asyncio.create_task(render(supervisor, made, name)) for name in ("a", "b")]
            await made.until(lambda: made.held)
            assert supervisor.pid is not None
            os.kill(supervisor.pid, signal.SIGKILL)
            ends = await asyncio.gather(*jobs, return_exceptions=True)
            assert [type(end) for end in ends] == [EngineLost, EngineLost]
            assert isinstance((await render(supervisor, made, "c"))[-2], TakeEvent)

    run(conversation())


def test_a_job_that_waits_for_an_engine_can_be_cancelled(made: Stage) -> None:
    made.plan(faults=[{"stage": "load", "do": "hold"}])

    async def conversation() -> None:
        async with supervised(made) as supervisor:
            job = asyncio.create_task(render(supervisor, made))
            await made.until(lambda: made.held)
            await supervisor.cancel("job")
            with pytest.raises(Cancelled):
                await job
            made.release()
            await render(supervisor, made)

    run(conversation())


def test_nothing_of_this_holds_up_the_event_loop(made: Stage) -> None:
    made.plan(faults=[{"stage": "sampling", "do": "die"}], grow_mb=5)
    worst = 0.0

    async def tick() -> None:
        nonlocal worst
        clock = asyncio.get_running_loop().time
        while True:
            before = clock()
            await asyncio.sleep(0.005)
            worst = max(worst, clock() - before)

    async def conversation() -> None:
        ticking = asyncio.create_task(tick())
        async with supervised(made) as supervisor:
            with pytest.raises(EngineLost):
                await render(supervisor, made)
            await render(supervisor, made, "b")
        ticking.cancel()

    run(conversation())
    assert worst < 0.5


# --- growth and other models ------------------------------------------------------------------------------------------


def test_an_engine_that_grows_is_replaced_between_batches(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"grow_mb": 20})

    async def through() -> Any:
        async with made.open(memory=MemoryWatch(factor=1.0, slack=50 * 2**20)) as jam:
            return await jam.run(headless=True, takes=16)

    report = run(through())
    assert report.made == 16
    assert report.engine_recycled >= 1
    assert report.engine_deaths == 0
    assert made.told("its memory grew from")
    assert [take["number"] for take in made.takes] == list(range(1, 17))
    whole(made, made.takes)


def test_other_models_are_loaded_between_batches(made: Stage) -> None:
    async def conversation() -> None:
        async with supervised(made) as supervisor:
            await render(supervisor, made, "a")
            supervisor.use({})
            await render(supervisor, made, "b")
            assert supervisor.starts == 1
            supervisor.use({"dit": "another"})
            await render(supervisor, made, "c")
            assert (supervisor.starts, supervisor.recycled, supervisor.deaths) == (2, 1, 0)

    run(conversation())


# --- what it judges by ------------------------------------------------------------------------------------------------


def test_the_watchdog_learns_what_is_long() -> None:
    dog = Watchdog(dict.fromkeys(FLOORS, 10.0))
    assert dog.passed(1000) is None
    dog.expect("conditions")
    assert dog.passed(9.0) is None
    dog.heard("sampling", 1, 8)
    assert dog.allowed("conditions") == 9.0 * FACTOR
    assert dog.allowed("sampling") == 10.0
    assert dog.passed(10.0) is None
    assert dog.passed(0.1) == Stall("sampling", 10.1)
    assert dog.allowed("sampling") == 20.0
    assert dog.stage is None


@pytest.mark.parametrize(
    ("signs", "stage"),
    [
        ([("sampling", 3, 8)], "sampling"),
        ([("sampling", 8, 8)], "decode"),
        ([("decode", 5, 5)], "write"),
        ([("decode", 5, 5), ("write", 0, 1)], "write"),
        ([("decode", 5, 5), ("write", 0, 1), ("write", 1, 1)], "sampling"),
        ([("decode", 5, 5), ("sampling", 1, 8), ("write", 0, 1)], "sampling"),
        ([("decode", 5, 5), ("sampling", 8, 8), ("write", 1, 1)], "decode"),
    ],
)
def test_the_watchdog_names_what_is_being_done_not_what_was_told_last(
    signs: list[tuple[str, int, int]], stage: str
) -> None:
    dog = Watchdog()
    dog.expect("conditions")
    for sign in signs:
        dog.heard(*sign)
    assert dog.stage == stage


def test_memory_is_compared_with_what_it_was_when_things_had_settled() -> None:
    watch = MemoryWatch(factor=1.5, slack=100)
    assert not any(watch.too_much(resident, 60) for resident in (500, 1000, 800)[:SETTLING])
    assert not watch.too_much(1500, 60)
    assert watch.too_much(1501, 60)
    assert not watch.too_much(5000, 120)  # a larger kind of batch settles anew
    watch.restart()
    assert not watch.too_much(9000, 60)


def test_the_memory_of_a_process_is_known() -> None:
    own = resident_bytes(os.getpid())
    assert own is not None
    assert 10**6 < own < 10**11
    assert resident_bytes(2**22 + 1) is None


def test_patience_is_generous_by_default() -> None:
    assert min(FLOORS.values()) >= 120
    assert Patience().deaths >= 3
