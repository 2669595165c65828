"""The out-of-memory ladder, and what becomes of a batch that did not come through."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import Cancelled, EngineError, OutOfMemory, RenderFailed
from engine.protocol import Loaded, ProgressEvent
from sessions.batch import Batch, Flight
from sessions.engine_life import EngineLost
from sessions.events import EventLog
from sessions.ladder import RUNGS, Aboard, Ladder, Ladders, Less
from sessions.landing import Landing, landing
from sessions.settings import Settings
from sessions.supervisor import Supervisor

DEFAULTS = {"duration": 60.0, "batch_size": 1.0}


def batch(size: int = 4, **request: Any) -> Batch:
    return Batch(request={"caption": "x", "duration": 240.0, **request}, seeds=tuple(range(size)))


def landed(what: Batch, error: EngineError | None, ladder: Ladder | None = None, **flight: Any) -> Landing:
    async def inside() -> Landing:
        return landing(Flight(what, "job", error=error, **flight), ladder or Ladder(), DEFAULTS)

    return asyncio.run(inside())


BEGUN = ProgressEvent("job", "sampling", 1, 8)


def lost(*, killed: bool = False) -> EngineLost:
    return EngineLost("The engine died.", "", stage="decode", killed=killed)


def test_the_ladder_halves_the_batch_and_ends() -> None:
    ladder, said = Ladder(), []
    asked = {"batch_size": 4.0, "duration": 100.0}
    while step := ladder.step(asked):
        said.append(step)
        asked |= ladder.limits
    assert said == ["batch_size 4 -> 2", "batch_size 2 -> 1"]  # a shorter take is only ever asked for
    assert [rung.field for rung in RUNGS] == ["batch_size"]
    assert ladder.limited({"caption": "x", "batch_size": 4}, DEFAULTS)["batch_size"] == 1
    assert ladder.limited({"caption": "x", "batch_size": None}, {"batch_size": 8})["batch_size"] == 1
    assert "batch_size" not in ladder.limited({"caption": "x"}, DEFAULTS)


def loaded(**saving: Any) -> Loaded:
    every = {"offload": False, "offload_dit": False, "quantization": None, "guidance_passes": 1, **saving}
    profile = {"name": "sft", "guidance_scale": 7.0, "guidance_fixed": False}
    return Loaded("job", profile, {}, 0.1, planner="4B", offload=every["offload"], saving=every)


def smaller(planner: str) -> tuple[str, ...]:
    sizes = ("4B", "1.7B", "none")
    return sizes[sizes.index(planner) + 1 :]


def test_every_rung_in_its_order_until_there_is_nothing_left_but_to_ask() -> None:
    ladder, said, now = Ladder(), [], loaded()
    asked = {"batch_size": 2.0, "duration": 60.0}
    for _ in range(20):
        aboard = Aboard.of(now, {}, smaller)
        if not (step := ladder.step(asked, aboard)):
            break
        said.append(step)
        assert ladder.covers(asked) or ladder.awaits(aboard)  # the engine that has less is still to come
        asked |= ladder.limits
        models = dict(ladder.models)
        now = replace(now, planner=models.pop("lm", now.planner), saving={**now.saving, **models})
        now = replace(now, planner=None) if now.planner == "none" else now
        assert not ladder.awaits(Aboard.of(now, {}, smaller))
    assert said == [
        "batch_size 2 -> 1",
        "guidance in one pass -> in two",
        "models in memory all together -> in turns",
        "the music model's layers on the card all together -> one after another",
        "the music model whole -> in eight bits, which makes other takes",
        "planner 4B -> 1.7B",
        "planner 1.7B -> none",
    ]
    assert ladder.models == {
        "guidance_passes": 2,
        "offload": True,
        "offload_dit": True,
        "quantization": "int8_weight_only",
        "lm": "none",
        "lm_draft": None,
    }


def test_a_rung_that_changes_nothing_is_left_out() -> None:
    def first(request: dict[str, Any], **saving: Any) -> str:
        return Ladder().step({"batch_size": 1.0}, Aboard.of(loaded(**saving), request, smaller))

    assert "guidance" in first({})
    assert "in turns" in first({"guidance_scale": 1.0})
    assert "in turns" in first({}, guidance_passes=2)
    assert "eight bits" in first({"guidance_scale": 1.0}, offload=True, offload_dit=None)  # a processor has one memory
    assert "planner" in first({"guidance_scale": 1.0}, offload=True, offload_dit=True, quantization="fp8_weight_only")
    quiet = Loaded("job", {}, {}, 0.1, planner="4B", offload=None)  # an engine that tells nothing
    assert Ladder().step({"batch_size": 1.0}, Aboard.of(quiet, {"thinking": False}, smaller)) == ""
    turbo = Loaded("job", {"guidance_scale": 1.0, "guidance_fixed": True}, {}, 0.1, saving={"guidance_passes": 1})
    assert Ladder().step({"batch_size": 1.0}, Aboard.of(turbo, {"guidance_scale": 7.0}, smaller)) == ""


def test_a_batch_that_was_on_its_way_to_the_old_engine_costs_no_further_step() -> None:
    ladder = Ladder()
    aboard = Aboard(saving={"offload": False}, planner="4B", smaller=("none",))

    async def twice() -> list[Landing]:
        flights = [Flight(batch(1), "job", error=OutOfMemory()) for _ in range(2)]
        return [landing(flight, ladder, DEFAULTS, aboard) for flight in flights]

    first, second = asyncio.run(twice())
    assert "in turns" in first.notice
    assert (second.notice, second.failure, second.again is not None) == ("", None, True)
    assert ladder.models == {"offload": True}


def test_other_models_make_room_again() -> None:
    ladder = Ladder(models={"offload": True, "lm": "none"})
    ladder.reset_if_changed(Settings(), Settings())
    assert ladder.models
    ladder.reset_if_changed(Settings(), Settings.from_dict({"models": {"lm": "0.6B"}}))
    assert not ladder.models


def test_what_is_too_large_is_cut_and_the_rest_waits_its_turn() -> None:
    ladder = Ladder(limits={"batch_size": 2})
    line = deque([batch(5)])
    assert [ladder.fitted(line, DEFAULTS, room=9).seeds for _ in range(3)] == [(0, 1), (2, 3), (4,)]
    assert not line
    line = deque([batch(5)])
    assert Ladder().fitted(line, DEFAULTS, room=3).seeds == (0, 1, 2)
    assert line[0].seeds == (3, 4)


@pytest.mark.parametrize(
    ("edit", "resets"),
    [
        ({"recipe": {"bpm": 90}}, False),
        ({"recipe": {"duration": 30}}, True),
        ({"recipe": {"batch_size": 2}}, True),
        ({"models": {"dit": "x"}}, True),
        ({"loop": {"takes": 5}}, False),
    ],
)
def test_an_edit_that_may_make_room_starts_at_the_top(edit: dict[str, Any], resets: bool) -> None:
    before = Settings.from_dict({"recipe": {"caption": "x"}})
    ladder = Ladder(limits={"batch_size": 1})
    ladder.reset_if_changed(before, before.replace(edit))
    assert (not ladder.limits) == resets


# --- landings ---------------------------------------------------------------------------------------------------------


def test_a_batch_that_came_through_leaves_nothing() -> None:
    assert landed(batch(), None) == Landing()
    assert landed(batch(2), RenderFailed("x"), made={0: None, 1: None}) == Landing()


@pytest.mark.parametrize(("why", "again"), [("skip", (0, 2)), ("preempt", (0, 2)), ("stop", None), ("outdated", None)])
def test_what_was_stopped_comes_back_or_not(why: str, again: tuple[int, ...] | None) -> None:
    end = landed(batch(4), Cancelled(), made={3: None}, dropped=frozenset({1}), why=why)
    assert (end.again.seeds if end.again else None) == again
    assert end.failure is None


def test_memory_that_ran_out_is_tried_with_less_and_what_was_on_its_way_takes_no_step() -> None:
    ladder = Ladder()
    first = landed(batch(4), OutOfMemory(), ladder)
    assert first.again is not None
    assert "batch_size 4 -> 2" in first.notice
    second = landed(batch(4), OutOfMemory(), ladder)
    assert (second.again is not None, second.notice) == (True, "")
    assert ladder.limits == {"batch_size": 2}


def test_memory_that_can_never_be_enough_is_a_failure_that_asks_for_a_shorter_take() -> None:
    end = landed(batch(1, duration=10), OutOfMemory())
    assert isinstance(end.failure, OutOfMemory)
    assert end.lost == 1
    for seconds, less in ((240.0, "120"), (50.0, "30")):
        longer = landed(batch(1, duration=seconds), OutOfMemory())
        assert longer.failure is not None
        assert longer.failure.hint == f"A shorter take may fit: duration {less}."


def test_a_lost_engine_is_forgiven_once_a_batch_and_again_after_a_take() -> None:
    once = landed(batch(), lost(), progress=BEGUN)
    assert once.again is not None
    assert once.again.losses == 1
    assert isinstance(landed(once.again, lost(), progress=BEGUN).failure, EngineLost)
    assert landed(once.again, lost(), progress=BEGUN, made={0: None}).again is not None


def test_a_batch_that_only_waited_is_not_to_blame() -> None:
    end = landed(batch(), lost(killed=True))
    for _ in range(9):
        assert end.again is not None
        assert end.again.losses == 0
        end = landed(end.again, lost(killed=True))
    waits = replace(batch(), losses=1)  # over it an engine was lost already, and now one at which it only stood in line
    assert landed(waits, lost(killed=True)) == Landing(again=waits)


def test_an_engine_that_is_killed_twice_over_a_batch_may_have_run_out_of_memory() -> None:
    once = landed(batch(), lost(killed=True), progress=BEGUN)
    assert once.again is not None
    assert "batch_size 4 -> 2" in landed(once.again, lost(killed=True), progress=BEGUN).notice


def test_where_nothing_is_left_to_give_up_it_is_said_who_else_has_the_card() -> None:
    ladder = Ladder(limits={"batch_size": 1})
    others = "On the card game.exe (process 43) has 4.0 GB."
    failed = landed(batch(1), OutOfMemory(f"{OutOfMemory().error} {others}"), ladder).failure
    assert failed is not None
    assert failed.error.endswith(f"whatever is given up for it. {others}")
    assert "shorter take" in failed.hint


def engine(name: str, device: str) -> Supervisor:
    return Supervisor({"device": device}, EventLog(), name=name)


def test_each_card_has_its_own_ladder_and_engines_on_the_processor_one() -> None:
    ladders = Ladders()
    small, large = engine("cuda:0", "cuda:0"), engine("cuda:1", "cuda:1")
    first, second = engine("cpu 1", "cpu"), engine("cpu 2", "cpu")
    assert ladders.of(first) is ladders.of(second)
    ladders.of(small).limits["batch_size"] = 2
    ladders.of(small).models["offload"] = True
    assert ladders.models([small, large]) == {"cuda:0": {"offload": True}, "cuda:1": {}}
    line = deque([batch(4), batch(4)])
    whole = ladders.fitted(line, DEFAULTS, [small, large])
    assert whole.seeds == (0, 1, 2, 3)
    ladders.check(large, 4)
    ladders.check(small, 2)
    with pytest.raises(Less) as refused:
        ladders.check(small, 4)
    again = landed(whole, refused.value, ladders.of(small)).again
    assert again is not None
    assert (again.seeds, again.room, again.losses) == (whole.seeds, 2, 0)
    line.appendleft(again)  # and in parts it fits wherever it comes to
    assert [ladders.fitted(line, DEFAULTS, [small, large]).seeds for _ in range(3)] == [
        (0, 1),
        (2, 3),
        (0, 1, 2, 3),
    ]
    assert ladders.fitted(deque([batch(4)]), DEFAULTS, [small]).seeds == (0, 1)
    ladders.reset_if_changed(Settings(), Settings.from_dict({"models": {"lm": "0.6B"}}))
    assert ladders.models([small]) == {"cuda:0": {}}
    ladders.check(small, 4)
