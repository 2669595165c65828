"""The loop with two engines: what it promises with one holds with several, kills included."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.request import Request
from sessions.jam import Jam
from tests.sessions.jamming import BOTH_HOLD, Stage, both_held, run, stage, state, whole
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

TWO = {"workers": "cpu, cpu"}


def two(made: Stage) -> AbstractAsyncContextManager[Jam]:
    """The session with two engines that are ready."""
    return made.open_ready("cpu,cpu")


def test_takes_are_made_at_the_same_time_and_exactly_as_many_as_asked_for(tmp_path: Path) -> None:
    made = stage(
        tmp_path,
        recipe={"caption": "x", "batch_size": 2},
        models=TWO,
        plan={"faults": [BOTH_HOLD], "step_seconds": 0.01},
    )

    async def through() -> Any:
        async with two(made) as jam:
            task = await both_held(made, jam, takes=11)
            assert {each["batch"]["number"] for each in jam.room.described(jam.loop.at_work)} == {1, 2}
            made.release()
            return await task

    report = run(through())
    assert (report.made, report.engine_deaths) == (11, 0)
    assert [take["number"] for take in made.takes] == list(range(1, 12))
    assert len({take["seed"] for take in made.takes}) == 11
    assert 0 < report.busy_share <= 1
    assert {event["engine"] for event in made.of("progress")} <= {"cpu 1", "cpu 2"}
    whole(made, made.takes)


def test_kill_9_of_either_engine_again_and_again_costs_nothing(tmp_path: Path) -> None:
    made = stage(
        tmp_path,
        recipe={"caption": "x", "batch_size": 2, "seeds": list(range(1, 21))},
        models=TWO,
        plan={"step_seconds": 0.02},
    )
    draw = random.Random(7)

    async def through() -> Any:
        async with two(made) as jam:
            killed, task = 0, asyncio.create_task(jam.run(headless=True, takes=20))
            for goal in (1, 3, 5, 8, 11):
                await made.until(lambda goal=goal: len(made.takes) >= goal)
                await asyncio.sleep(draw.uniform(0, 0.1))
                spared = {f.engine for f in jam.loop._renderer.flights if f.batch.losses}  # a second loss is a failure
                ready = [each for each in jam.engine.engines if each.ready and each not in spared]
                if ready:
                    os.kill(draw.choice(ready).pid, signal.SIGKILL)
                    killed += 1
            return (await task), killed

    report, killed = run(through())
    assert killed >= 2
    assert (report.made, report.engine_deaths, report.failed) == (20, killed, {})
    assert [take["number"] for take in made.takes] == list(range(1, 21))
    assert sorted(take["seed"] for take in made.takes) == list(range(1, 21))
    whole(made, made.takes)


def test_all_have_ended_with_the_session_however_long_one_takes(tmp_path: Path) -> None:
    made = stage(tmp_path, models=TWO)

    async def through() -> list[int]:
        async with two(made) as jam:
            pids = [engine.pid for engine in jam.engine.engines]
            os.kill(pids[1], signal.SIGSTOP)
            threading.Timer(0.5, os.kill, (pids[1], signal.SIGCONT)).start()
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    assert run(through()) == []


@pytest.mark.parametrize("at", ["conditions", "decode", "write", "written"])
def test_what_an_engine_loses_is_made_by_the_other_with_the_same_seeds(tmp_path: Path, at: str) -> None:
    fault = {"stage": at, "do": "die"} | ({} if at == "conditions" else {"take": 1})
    made = stage(
        tmp_path, recipe={"caption": "x", "batch_size": 2, "seeds": [1, 2, 3, 4]}, models=TWO, plan={"faults": [fault]}
    )

    async def through() -> Any:
        async with two(made) as jam:
            return await jam.run(headless=True, takes=4)

    report = run(through())
    assert (report.made, report.engine_deaths) == (4, 1)
    assert sorted(take["seed"] for take in made.takes) == [1, 2, 3, 4]
    assert [take["number"] for take in made.takes] == [1, 2, 3, 4]
    assert made.told("cpu ")
    whole(made, made.takes)


@pytest.mark.parametrize(("how", "takes"), [("take", 4), ("batch", 6), ("now", 2)])
def test_the_stop_keys_mean_the_same(tmp_path: Path, how: str, takes: int) -> None:
    plan = {"faults": [BOTH_HOLD | {"take": 1}], "step_seconds": 0.02}
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 3}, models=TWO, plan=plan)

    async def through() -> Any:
        async with two(made) as jam:
            task = await both_held(made, jam)
            fronts = [flight for flight in jam.loop._renderer.flights if flight.begun]
            await made.until(lambda: all(len(f.made) == 1 and f.current() == {1} for f in fronts))
            jam.loop.stop(how)
            await made.until(lambda: jam.loop.state in ("stopping", "stopped"))
            made.release()
            return await task

    assert run(through()).made == takes
    whole(made, made.takes)


def test_skip_drops_what_one_engine_makes(tmp_path: Path) -> None:
    plan = {"faults": [BOTH_HOLD]}
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 2, "seeds": [1, 2, 3, 4]}, models=TWO, plan=plan)

    async def through() -> Any:
        async with two(made) as jam:
            task = await both_held(made, jam, takes=4)
            shown = jam.loop.progress()["batch"]["seeds"]
            skipped = next(flight for flight in jam.loop._renderer.flights if list(flight.batch.seeds) == shown)
            jam.loop.skip()
            await made.until(lambda: skipped not in jam.loop._renderer.flights)  # the other one is held still
            made.release()
            return (await task), shown

    report, shown = run(through())
    assert (report.made, report.skipped) == (4, 1)
    seeds = {take["seed"] for take in made.takes}
    assert shown == [1, 2]
    assert 1 not in seeds
    assert {2, 3, 4} <= seeds


def test_what_is_asked_for_comes_first_and_holds_up_one_engine_alone(tmp_path: Path) -> None:
    plan = {"faults": [BOTH_HOLD]}
    made = stage(tmp_path, recipe={"caption": "loop", "batch_size": 1, "seeds": [1, 2, 3, 4]}, models=TWO, plan=plan)

    async def through() -> None:
        async with two(made) as jam:
            task = await both_held(made, jam, takes=4)
            (take,) = await jam.loop.ask(Request(caption="mine"))
            assert take.number == 1
            still = [flight for flight in jam.loop._renderer.flights if flight.begun and flight.why is None]
            assert [flight.batch.number for flight in still if not flight.computed][:1] == [2]
            made.release()
            await task

    run(through())
    assert sorted(take["seed"] for take in made.takes[1:]) == [1, 2, 3, 4]
    whole(made, made.takes)


def test_an_edit_counts_from_the_next_batches(tmp_path: Path) -> None:
    plan = {"faults": [BOTH_HOLD]}
    made = stage(tmp_path, recipe={"caption": "old", "batch_size": 1, "seeds": [1, 2, 3, 4]}, models=TWO, plan=plan)
    file = made.folder / "session.toml"

    async def through() -> None:
        async with two(made) as jam:
            task = await both_held(made, jam, takes=5)
            file.write_text(file.read_text().replace('"old"', '"new"'))
            await made.until(lambda: jam.revisions.current.number == 2)
            made.release()
            await task

    run(through())
    captions = [take["request"]["caption"] for take in made.takes]
    assert captions == ["old"] * 2 + ["new"] * 3
    assert [take["revision"] for take in made.takes] == [1, 1, 2, 2, 2]
    (boundary,) = [event["boundary"] for event in made.of("loop") if event.get("boundary")]
    assert boundary["take"] == 3
    whole(made, made.takes)


def test_the_status_says_what_each_engine_does(tmp_path: Path) -> None:
    async def ask(api: Api) -> None:
        made = api.made
        await api.until(lambda: all(engine.ready for engine in api.studio.engine.engines))
        resting = (await api("GET", "/api/session"))["engine"]["engines"]
        assert [(each["name"], each["state"], each["batch"]) for each in resting] == [
            ("cpu 1", "ready", None),
            ("cpu 2", "ready", None),
        ]
        assert {each["pid"] for each in resting} == set(api.studio.engine.pids)
        await api("POST", "/api/loop", {"action": "on", "takes": 2})
        await api.until(lambda: made.count("fault-0") == 2)
        await api.until(lambda: sum(f.begun for f in api.studio.loop._renderer.flights) == 2)
        busy = await api("GET", "/api/session")
        assert sorted(each["batch"]["number"] for each in busy["engine"]["engines"]) == [1, 2]
        assert busy["progress"]["engine"] in ("cpu 1", "cpu 2")
        os.kill(busy["engine"]["engines"][0]["pid"], signal.SIGKILL)
        await api.until(lambda: api.studio.engine.deaths)
        now = (await api("GET", "/api/session"))["engine"]
        assert (now["ready"], now["restarting"], now["failure"]) == (True, False, None)
        assert {each["state"] for each in now["engines"]} & {"restarting", "loading"}
        made.release()
        await api.until(lambda: api.studio.loop.state == "stopped")

    plan = {"faults": [BOTH_HOLD]}
    on_api(tmp_path, ask, recipe={"caption": "x", "batch_size": 1}, models=TWO, plan=plan)


def test_memory_that_runs_out_on_one_is_heeded_by_all_that_share_it(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 4}, models=TWO, plan={"oom_above": {"batch_size": 2}})

    async def through() -> Any:
        async with two(made) as jam:
            return await jam.run(headless=True, takes=8)

    assert run(through()).made == 8
    assert sum("Memory ran out" in event["text"] for event in made.of("notice")) == 1
    whole(made, made.takes)


def test_the_last_batch_goes_to_whoever_is_free_first(tmp_path: Path) -> None:
    held = {"stage": "sampling", "do": "hold", "render": 1}
    made = stage(
        tmp_path, recipe={"caption": "x", "batch_size": 1, "seeds": [1, 2, 3]}, models=TWO, plan={"faults": [held]}
    )

    async def through() -> Any:
        async with two(made) as jam:
            task = asyncio.create_task(jam.run(headless=True, takes=3))
            await made.until(lambda: len(made.takes) == 2)  # the first is still held
            made.release()
            return await task

    assert run(through()).made == 3
    assert sorted(take["seed"] for take in made.takes) == [1, 2, 3]
    assert made.takes[2]["seed"] != 3
    whole(made, made.takes)


def test_a_loop_goes_on_with_the_engines_that_are_left(tmp_path: Path) -> None:
    made = stage(tmp_path, models=TWO, plan={"faults": [{"stage": "load", "do": "missing"}]})

    async def through() -> Any:
        async with made.open() as jam:
            report = await jam.run(headless=True, takes=3)
            states = sorted(each["state"] for each in jam.room.described(jam.loop.at_work))
            return report, states

    report, states = run(through())
    assert (report.made, states) == (3, ["failed", "ready"])
    assert made.told("The other engines go on.")


def test_what_does_not_fit_on_the_small_card_does_not_bind_the_large_one(tmp_path: Path) -> None:
    made = stage(
        tmp_path,
        recipe={"caption": "x", "batch_size": 4, "duration": 60},
        plan={
            "oom_above": {"batch_size": 2},
            "oom_unless": {"offload": True},
            "oom_on": "cuda:0",
            "step_seconds": 0.01,
        },
    )

    async def through() -> Any:
        async with made.open_ready("cuda:0,cuda:1") as jam:
            report = await jam.run(headless=True, takes=24)
            small, large = jam.engine.engines
            assert (small.models.get("offload"), large.models.get("offload")) == (True, None)
            assert jam.loop._ladders.of(large).limits == {}
            await made.until(lambda: small.ready)
            return report

    report = run(through())
    assert (report.made, report.failed) == (24, {})
    sizes = [len(request["seeds"]) for request in made.requests()]
    assert max(sizes) == 4  # the large one's, whole
    assert made.told("cuda:0: Memory ran out. It goes on with less: batch_size 4 -> 2.")
    assert not made.told("cuda:1: Memory ran out")
    assert len({take["seed"] for take in made.takes}) == 24
    whole(made, made.takes)
