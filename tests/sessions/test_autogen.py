"""The loop against a scripted engine: seeds, stop keys, budgets, edits, requests, failures. Nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RenderFailed
from engine.request import Request
from sessions import crew, renderer
from sessions.jam import Jam
from sessions.store import Store
from sessions.take import Take
from tests.sessions.jamming import SECONDS, Stage, run, stage, state, whole
from tests.sessions.takes import PLAIN

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def jam_through(made: Stage, **overrides: Any) -> Any:
    """A run from on to off; returns its report."""

    async def through() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, **overrides)

    return run(through())


async def begun(made: Stage, jam: Jam, **overrides: Any) -> asyncio.Task[Any]:
    """A run whose engine holds in the middle of something, of which the loop has heard."""
    task = asyncio.create_task(jam.run(headless=True, **overrides))
    fault = json.loads(made.plan_file.read_text())["faults"][0]
    await made.until(lambda: len(jam.loop._renderer.flights) == crew.DEPTH)
    front = jam.loop._renderer.flights[0]
    await made.until(
        lambda: (
            made.held
            and front.progress is not None
            and front.progress.stage == fault["stage"]
            and fault.get("take") in (None, front.progress.take)
        )
    )
    return task


HOLD = {"stage": "sampling", "do": "hold", "times": 1}


# --- seeds ------------------------------------------------------------------------------------------------------------


def test_no_seed_is_used_twice_for_one_revision_restarts_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(range(10**6))

    def from_few() -> int:
        return next(drawn) // 3 % 40  # every seed comes up again and again

    monkeypatch.setattr("sessions.policy.draw_seed", from_few)
    monkeypatch.setattr("sessions.policy.SeedBook.draw", staticmethod(from_few), raising=False)
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 3, "seeds": [7, 8]})
    for _ in range(3):
        jam_through(made, takes=7)
    seeds = [take["seed"] for take in made.takes]
    assert len(seeds) == len(set(seeds)) == 21
    assert seeds[:2] == [7, 8]
    assert {take["revision"] for take in made.takes} == {1}
    whole(made, made.takes)


def test_cells_of_a_grid_get_the_same_seeds_and_none_twice(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "grid": {"bpm": [90, 100]}})
    jam_through(made, takes=3)
    jam_through(made, takes=3)
    by_bpm = {bpm: [t["seed"] for t in made.takes if t["request"]["bpm"] == bpm] for bpm in (90, 100)}
    assert by_bpm[90] == by_bpm[100]
    assert len(set(by_bpm[90])) == 3


def test_the_text_that_was_drawn_is_stored(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "{red|blue} {sun|moon}"})
    jam_through(made, takes=6)
    captions = [take["request"]["caption"] for take in made.takes]
    assert all(set(caption.split()) <= {"red", "blue", "sun", "moon"} for caption in captions)


# --- budgets ----------------------------------------------------------------------------------------------------------


def test_takes_are_made_exactly_as_many_as_asked_for(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 4})
    report = jam_through(made, takes=6)
    assert (report.made, len(made.takes), report.reason) == (6, 6, "6 takes are made")
    assert [len(request["seeds"]) for request in made.requests()] == [4, 2]
    assert made.states == ["loading", "rendering", "stopped"]
    assert made.of("done")[0]["summary"]["made"] == 6
    assert (made.folder / "reports").is_dir()


def test_the_budget_of_the_session_file_counts_too(tmp_path: Path) -> None:
    assert jam_through(stage(tmp_path, loop={"takes": 2})).made == 2


def test_minutes_end_it_after_the_take_that_is_being_made(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"step_seconds": 0.05})
    report = jam_through(made, minutes=0.01)
    assert report.reason == "0.01 minutes are over"
    assert report.seconds < 20
    whole(made, made.takes)


def test_it_ends_once_a_take_scores_well_enough(tmp_path: Path) -> None:
    async def scorer(take: Take, audio: Path) -> dict[str, Any]:
        assert audio.exists()
        await asyncio.sleep(0)
        return {"score": take.number / 10, "parts": {"signal": 0.5}}

    made = stage(tmp_path, plan={"step_seconds": 0.02})

    async def through() -> Any:
        async with made.open(scorers=[scorer]) as jam:
            return await jam.run(headless=True, until_score=0.3)

    report = run(through())
    assert "0.3 was asked for" in report.reason
    assert report.best[0]["score"] == max(event["score"] for event in made.of("scored")) >= 0.3
    with Store.open(made.folder) as store:
        assert store.get(3).parts == {"signal": 0.5}


def test_a_scorer_that_fails_is_told_of_once_and_costs_nothing(tmp_path: Path) -> None:
    async def broken(take: Take, audio: Path) -> dict[str, Any]:
        raise ValueError("no ears")

    made = stage(tmp_path)

    async def through() -> Any:
        async with made.open(scorers=[broken]) as jam:
            return await jam.run(headless=True, takes=4)

    assert run(through()).made == 4
    assert sum("no ears" in notice["text"] for notice in made.of("notice")) == 1


def test_unheard_takes_pause_it_and_listening_goes_on(tmp_path: Path) -> None:
    made = stage(tmp_path, loop={"unheard_ceiling": 3, "takes": 5}, recipe={"caption": "x", "batch_size": 2})

    async def through() -> Any:
        async with made.open() as jam:
            jam.loop.turn_on()
            await made.until(lambda: jam.loop.state == "paused")
            assert len(made.takes) == 3
            assert "3 is the ceiling" in jam.loop.reason
            for number in (1, 2, 3):
                jam.store.change(number, verdict="heard")
            return await jam.loop.off()

    assert len(run(through()).made) == 5
    assert "paused" in made.states


def test_nobody_has_to_hear_anything_when_headless(tmp_path: Path) -> None:
    assert jam_through(stage(tmp_path, loop={"unheard_ceiling": 1}), takes=3).made == 3


def test_a_disk_that_fills_up_pauses_it_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [10**12]
    monkeypatch.setattr("sessions.housekeeping.free_bytes", lambda folder: free[0])
    made = stage(tmp_path, loop={"free_space_floor_gb": 2.0})

    async def through() -> Any:
        async with made.open() as jam:
            task = asyncio.create_task(jam.run(headless=True, takes=6))
            await made.until(lambda: len(made.takes) >= 2)
            free[0] = 10**9
            await made.until(lambda: jam.loop.state == "paused")
            before = len(made.takes)
            assert "1.00 GB left, and the floor is 2 GB" in jam.loop.reason
            await asyncio.sleep(0.2)
            assert len(made.takes) == before < 6
            free[0] = 10**12
            return await task

    assert run(through()).made == 6


def test_a_store_that_takes_nothing_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stage(tmp_path)
    monkeypatch.setattr(renderer, "RETRY_SECONDS", 0.05)
    commit, refusals = Store.commit, iter([True, True, False])

    def full(store: Store, take: Take) -> Take:
        if take.number == 2 and next(refusals, False):
            raise RenderFailed("The disk is full.", "Free some space.")
        return commit(store, take)

    monkeypatch.setattr(Store, "commit", full)
    report = jam_through(made, takes=4)
    assert report.made == 4
    assert "paused" in made.states
    whole(made, made.takes)


def test_a_quota_drops_the_audio_of_what_was_heard_and_pauses_when_nothing_may_go(tmp_path: Path) -> None:
    made = stage(tmp_path, loop={"quota_gb": 0.01})
    with Store.open(made.folder):
        pass
    usage = [0]

    async def through() -> None:
        async with made.open() as jam:
            real = jam.store.usage
            jam.store.usage = lambda: real() + usage[0]  # type: ignore[method-assign]
            jam.loop.turn_on(headless=True)
            await made.until(lambda: len(made.takes) >= 3)
            jam.store.change(1, verdict="heard")
            jam.store.change(2, verdict="liked")
            usage[0] = 10**8
            await made.until(lambda: jam.loop.state == "paused")
            assert "quota" in jam.loop.reason
            assert jam.store.get(1).stored == "latents only"
            assert jam.store.get(2).stored == jam.store.get(3).stored == "whole"

    run(through())


def test_the_keep_rule_moves_the_rest_of_this_run_to_the_trash(tmp_path: Path) -> None:
    made = stage(tmp_path)
    jam_through(made, takes=3)
    report = jam_through(made, takes=5, keep=2)
    assert (report.made, report.kept, report.trashed) == (5, 2, 3)
    with Store.open(made.folder) as store:
        assert [take.number for take in store.query(sort="number").takes] == [1, 2, 3, 4, 5]
        assert store.counts().trashed == 3


# --- stop keys --------------------------------------------------------------------------------------------------------


def test_skip_drops_one_take_and_makes_the_rest_of_its_batch(tmp_path: Path) -> None:
    made = stage(
        tmp_path, recipe={"caption": "x", "batch_size": 3, "seeds": [1, 2, 3]}, plan={"faults": [HOLD | {"take": 1}]}
    )

    async def through() -> Any:
        async with made.open() as jam:
            task = await begun(made, jam, takes=4)
            jam.loop.skip()
            return await task

    report = run(through())
    assert (report.made, report.skipped) == (4, 1)
    assert 2 not in [take["seed"] for take in made.takes]
    assert {1, 3} <= {take["seed"] for take in made.takes}
    whole(made, made.takes)


def test_skip_drops_all_that_is_sampled_together(tmp_path: Path) -> None:
    plan = {"lanes": "all", "faults": [HOLD]}
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 3, "seeds": [1, 2, 3]}, plan=plan)

    async def through() -> Any:
        async with made.open() as jam:
            task = await begun(made, jam, takes=4)
            jam.loop.skip()
            return await task

    assert run(through()).skipped == 3
    assert not {1, 2, 3} & {take["seed"] for take in made.takes}


@pytest.mark.parametrize(("how", "takes"), [("take", 2), ("batch", 3), ("now", 1)])
def test_the_stop_keys_differ(tmp_path: Path, how: str, takes: int) -> None:
    made = stage(
        tmp_path, recipe={"caption": "x", "batch_size": 3}, plan={"faults": [HOLD | {"take": 1}], "step_seconds": 0.02}
    )

    async def through() -> Any:
        async with made.open() as jam:
            task = await begun(made, jam)
            jam.loop.stop(how)
            await made.until(lambda: jam.loop.state in ("stopping", "stopped"))
            made.release()
            return await task

    report = run(through())
    assert report.made == takes
    assert made.states[-1] == "stopped"
    whole(made, made.takes)


def test_stop_after_this_take_finishes_a_batch_that_is_sampled_together(tmp_path: Path) -> None:
    plan = {"lanes": "all", "faults": [HOLD]}
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 3}, plan=plan)

    async def through() -> Any:
        async with made.open() as jam:
            task = await begun(made, jam)
            jam.loop.stop("take")
            made.release()
            return await task

    assert run(through()).made == 3


def test_stop_now_ends_an_engine_that_does_not_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.loop_worker.STOP_SECONDS", 0.2)
    made = stage(tmp_path, plan={"faults": [{"stage": "sampling", "do": "stall"}]})

    async def through() -> Any:
        async with made.open() as jam:
            task = asyncio.create_task(jam.run(headless=True))
            await made.until(lambda: made.count("fault-0"))
            jam.loop.stop("now")
            return await task

    assert run(through()).made == 0


def test_the_loop_can_be_turned_on_again(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def through() -> None:
        async with made.open() as jam:
            for _ in range(2):
                jam.loop.turn_on(takes=2)
                await jam.loop.off()

    run(through())
    assert [take["number"] for take in made.takes] == [1, 2, 3, 4]


# --- edits ------------------------------------------------------------------------------------------------------------


def test_a_saved_edit_counts_from_the_next_batch_and_the_boundary_is_shown(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "bpm": 90, "batch_size": 2}, plan={"faults": [HOLD | {"take": 1}]})
    file = made.folder / "session.toml"

    async def through() -> None:
        async with made.open() as jam:
            task = await begun(made, jam, takes=6)
            file.write_text(file.read_text().replace("bpm = 90", "bpm = 96"))
            await made.until(lambda: made.told("Revision 2 counts from the next batch: bpm 90 -> 96"))
            made.release()
            await task

    run(through())
    assert [(t["request"]["bpm"], t["revision"]) for t in made.takes] == [(90, 1)] * 2 + [(96, 2)] * 4
    (boundary,) = (event for event in made.of("loop") if "boundary" in event)
    assert boundary["boundary"] == {"take": 3, "revision": 2, "changed": "bpm 90 -> 96"}
    assert boundary["reason"] == "from take 3: bpm 90 -> 96"
    order = [event.event for event in made.seen if event.event == "take" or "boundary" in event.data]
    assert order == ["take", "take", "loop", "take", "take", "take", "take"]


def test_a_broken_edit_is_told_with_its_place_and_the_last_good_one_goes_on(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "bpm": 90}, plan={"faults": [HOLD]})
    file = made.folder / "session.toml"

    async def through() -> None:
        async with made.open() as jam:
            task = await begun(made, jam, takes=3)
            good = file.read_text()
            file.write_text(good.replace("bpm = 90", "bpm = 9000"))
            await made.until(lambda: made.of("error"))
            made.release()
            await task

    run(through())
    assert "line " in made.of("error")[0]["error"]
    assert {take["request"]["bpm"] for take in made.takes} == {90}


# --- siblings ---------------------------------------------------------------------------------------------------------


def test_siblings_of_a_pinned_take_move_its_noise_a_little(tmp_path: Path) -> None:
    made = stage(
        tmp_path, loop={"policy": "siblings", "retake_variance": 0.3}, recipe={"caption": "x", "batch_size": 2}
    )
    jam_through(made, takes=2)
    with Store.open(made.folder) as store:
        parent = store.change(2, verdict="pinned")
    for _ in range(2):
        jam_through(made, takes=4)
    siblings = made.takes[2:]
    assert {take["operation"] for take in siblings} == {"sibling"}
    assert {take["parent"] for take in siblings} == {parent.id}
    assert {take["seed"] for take in siblings} == {parent.seed}
    retakes = [tuple(take["request"]["retake_seed"]) for take in siblings]
    assert len(set(retakes)) == 8
    assert {take["request"]["retake_variance"] for take in siblings} == {0.3}
    whole(made, made.takes)


# --- what a person asks for -------------------------------------------------------------------------------------------


def test_a_request_goes_before_the_loop_which_makes_what_it_dropped_afterwards(tmp_path: Path) -> None:
    made = stage(
        tmp_path, recipe={"caption": "loop", "batch_size": 3, "seeds": [1, 2, 3]}, plan={"faults": [HOLD | {"take": 1}]}
    )

    async def through() -> list[Take]:
        async with made.open() as jam:
            task = await begun(made, jam, takes=5)
            answer = jam.loop.ask(
                Request(caption="mine", seeds=(9,)), operation="finish", parent=PLAIN.replace(id="abc")
            )
            takes = await answer
            await task
            return takes

    (mine,) = run(through())
    assert (mine.number, mine.seed, mine.operation, mine.parent) == (2, 9, "finish", "abc")
    captions = [take["request"]["caption"] for take in made.takes]
    assert captions == ["loop", "mine", *["loop"] * 4]
    assert [take["seed"] for take in made.takes][2:4] == [2, 3]
    assert made.told("Your request comes first")
    whole(made, made.takes)


def test_a_take_that_is_nearly_finished_is_not_dropped_for_a_request(tmp_path: Path) -> None:
    held = {"stage": "decode", "do": "hold", "take": 0}
    made = stage(tmp_path, recipe={"caption": "loop", "batch_size": 2, "seeds": [1, 2]}, plan={"faults": [held]})

    async def through() -> None:
        async with made.open() as jam:
            task = await begun(made, jam, takes=3)
            answer = jam.loop.ask(Request(caption="mine"))
            made.release()
            await answer
            await task

    run(through())
    assert made.takes[0]["seed"] == 1
    assert sum(take["request"]["caption"] == "mine" for take in made.takes) == 1
    assert sorted(take["seed"] for take in made.takes if take["request"]["caption"] == "loop")[:2] == [1, 2]


def test_requests_are_answered_while_the_loop_is_off_and_say_why_they_failed(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"faults": [{"stage": "decode", "do": "fail"}]})

    async def through() -> None:
        async with made.open() as jam:
            with pytest.raises(RenderFailed, match="silent"):
                await jam.loop.ask(Request(caption="mine"))
            assert len(await jam.loop.ask(Request(caption="mine", batch_size=2))) == 2
            assert jam.loop.state == "idle"

    run(through())


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_failing_recipe_parks_itself_and_an_edit_sets_it_going(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"faults": [{"stage": "decode", "do": "fail", "times": 3}]})
    file = made.folder / "session.toml"

    async def through() -> Any:
        async with made.open() as jam:
            task = asyncio.create_task(jam.run(headless=True, takes=2))
            await made.until(lambda: jam.loop.state == "parked")
            assert jam.loop.reason == "3 failures in a row, the last: The render is silent."
            await made.until(lambda: not jam.loop._renderer.flights)
            asked = made.count("render")
            await asyncio.sleep(0.2)
            assert made.count("render") == asked <= 4
            file.write_text(file.read_text().replace("slow", "fast"))
            return await task

    report = run(through())
    assert report.made == 2
    assert report.failed == {"The render is silent.": 3}
    assert made.states[-3:] == ["parked", "rendering", "stopped"]


def test_a_model_that_is_missing_parks_it_at_once(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"faults": [{"stage": "load", "do": "missing", "times": -1}]})

    async def through() -> None:
        async with made.open() as jam:
            jam.loop.turn_on(headless=True)
            await made.until(lambda: jam.loop.state == "parked")
            assert jam.loop.reason == "There is no model."
            assert len(made.of("error")) == 1

    run(through())


def test_memory_that_runs_out_walks_the_ladder_and_says_so(tmp_path: Path) -> None:
    plan = {"oom_above": {"batch_size": 1}}
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 4, "duration": 240}, plan=plan)
    report = jam_through(made, takes=5)
    assert report.made == 5
    assert report.failed == {}
    for step in ("batch_size 4 -> 2", "batch_size 2 -> 1"):
        assert made.told(step)
    assert {len(request["seeds"]) for request in made.requests()} == {1}
    assert {take["duration"] for take in made.takes} == {240.0}
    whole(made, made.takes)


def test_a_take_is_never_made_shorter_by_itself_but_asked_for_so(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "duration": 240}, plan={"oom_above": {"duration": 100}})

    async def through() -> None:
        async with made.open() as jam:
            jam.loop.turn_on(headless=True)
            await made.until(lambda: jam.loop.state == "parked")

    run(through())
    assert made.of("error")[-1]["hint"] == "A shorter take may fit: duration 120."
    assert made.takes == []


def test_models_give_way_when_memory_runs_out(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "duration": 60}, plan={"oom_together": True})

    async def through() -> None:
        async with made.open(models={"lm": "acestep-5Hz-lm-4B"}) as jam:
            report = await jam.run(takes=3, headless=True)
            assert (report.made, report.failed) == (3, {})

    run(through())
    assert made.told("models in memory all together -> in turns")
    assert made.told("planner acestep-5Hz-lm-4B -> none")
    whole(made, made.takes)


def test_every_way_to_save_memory_is_taken_in_its_order_and_said(tmp_path: Path) -> None:
    saving = {"guidance_passes": 2, "offload": True, "offload_dit": True, "quantization": "int8_weight_only"}
    made = stage(tmp_path, recipe={"caption": "x", "duration": 60, "batch_size": 2}, plan={"oom_unless": saving})
    report = jam_through(made, takes=3)
    assert (report.made, report.failed) == (3, {})
    ran_out = [event["text"] for event in made.of("notice") if event["text"].startswith("Memory ran out")]
    assert [text.removeprefix("Memory ran out. It goes on with less: ") for text in ran_out] == [
        "batch_size 2 -> 1.",
        "guidance in one pass -> in two.",
        "models in memory all together -> in turns.",
        "the music model's layers on the card all together -> one after another.",
        "the music model whole -> in eight bits, which makes other takes.",
    ]
    whole(made, made.takes)


def test_what_cannot_be_made_smaller_is_a_failure(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"faults": [{"stage": "sampling", "do": "oom", "times": -1}]})

    async def through() -> None:
        async with made.open() as jam:
            jam.loop.turn_on(headless=True)
            await made.until(lambda: jam.loop.state == "parked")
            assert "not enough memory" in jam.loop.reason

    run(through())


@pytest.mark.parametrize("how", ["die", "kill"])
@pytest.mark.parametrize("at", ["load", "conditions", "sampling", "decode", "write", "written"])
def test_an_engine_that_dies_in_any_stage_costs_nothing(tmp_path: Path, at: str, how: str) -> None:
    fault = {"stage": at, "do": how} | ({} if at in ("load", "conditions") else {"take": 1})
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 2, "seeds": [1, 2]}, plan={"faults": [fault]})
    report = jam_through(made, takes=4)
    assert report.made == 4
    assert report.engine_deaths == 1
    assert [take["number"] for take in made.takes] == [1, 2, 3, 4]
    assert [take["seed"] for take in made.takes][:2] == [1, 2]
    assert made.told("started again")
    whole(made, made.takes)


def test_kill_9_from_outside_while_it_runs_costs_nothing(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "batch_size": 2}, plan={"step_seconds": 0.01})

    async def through() -> Any:
        async with made.open() as jam:
            task = asyncio.create_task(jam.run(headless=True, takes=16))
            for goal in (1, 4, 9):
                await made.until(lambda goal=goal: len(made.takes) >= goal and jam.engine.ready)
                pid = jam.engine.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                await made.until(lambda pid=pid: jam.engine.pid != pid)
            return await task

    report = run(through())
    assert (report.made, report.engine_deaths) == (16, 3)
    assert [take["number"] for take in made.takes] == list(range(1, 17))
    assert len({take["seed"] for take in made.takes}) == 16
    whole(made, made.takes)


def test_a_batch_that_kills_every_engine_is_given_up_and_parks(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"faults": [{"stage": "decode", "do": "die", "times": -1}]})

    async def through() -> None:
        async with made.open() as jam:
            jam.loop.turn_on(headless=True)
            await made.until(lambda: jam.loop.state == "parked", SECONDS / 2)

    run(through())
    assert made.told("died")
    assert made.states[-1] == "parked"


def test_the_report_counts_right(tmp_path: Path) -> None:
    faults = [{"stage": "decode", "do": "fail", "times": 2}, {"stage": "sampling", "do": "die", "render": 5}]
    made = stage(tmp_path, plan={"faults": faults, "step_seconds": 0.05, "steps": 4})
    report = jam_through(made, takes=6, keep=4)
    assert (report.made, report.kept, report.trashed, report.skipped) == (6, 4, 2, 0)
    assert report.failed == {"The render is silent.": 2}
    assert (report.engine_deaths, report.engine_recycled) == (1, 0)
    assert 0.2 < report.busy_share <= 1
    assert report.busy_seconds >= 6 * 3 * 0.05
    assert report.bytes_used > 0
    assert len(report.best) == 4
    text = next((made.folder / "reports").iterdir()).read_text()
    assert "made 6, kept 4, moved to the trash 2" in text
    assert "2 x The render is silent." in text
