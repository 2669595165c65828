"""Scores on their way: from what the engine has measured, from scorers, by a person's weights; and faulty takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessions.store import Store
from sessions.take import Take
from tests.sessions.jamming import run, stage, state
from tests.sessions.test_taste import filled

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

PARTS = {"tempo": 1.0, "key": 0.5, "signal": 0.9}  # played: (.25 x .75 + .25 x .9) / .5 = .825, the step .82


def test_takes_are_committed_with_their_score(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS})

    async def through() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, until_score=0.82)

    report = run(through())
    assert report.made >= 1
    assert [take["score"] for take in made.takes] == [0.82] * report.made
    assert report.best[0]["score"] == 0.82
    with Store.open(made.folder) as store:
        assert store.get(1).score == 0.82
        assert len(store.order("score=0.82")) == report.made


def test_takes_without_parts_have_none(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def through() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, takes=1)

    run(through())
    assert made.takes[0]["score"] is None


def test_a_scorers_part_joins_what_was_measured(tmp_path: Path) -> None:
    async def scorer(take: Take, audio: Path) -> dict[str, Any]:
        return {"parts": {"semantic": 0.2}}

    made = stage(tmp_path, plan={"parts": PARTS})

    async def through() -> Any:
        async with made.open(scorers=[scorer]) as jam:
            return await jam.run(headless=True, takes=1)

    run(through())
    with Store.open(made.folder) as store:
        assert store.get(1).parts == {**PARTS, "semantic": 0.2}
        assert store.get(1).score == 0.52  # .5 x .2 + .25 x .75 + .25 x .9 = .5125


def test_other_weights_weigh_every_take_again(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS})

    async def through() -> Any:
        async with made.open() as jam:
            await jam.run(headless=True, takes=2)
            before = jam.revisions.current
            after = jam.revisions.change({"scores": {"signal": 0.0, "semantic": 0.0}}, before.number)
            jam.loop.follow(after)
            await made.until(lambda: len(made.of("scored")) == 2)

    run(through())
    assert {event["score"] for event in made.of("scored")} == {0.76}  # the tempo and key alone: .75
    with Store.open(made.folder) as store:
        assert [store.get(number).score for number in (1, 2)] == [0.76, 0.76]


def test_a_taste_that_is_learnt_counts_and_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.at_work.TASTE_SECONDS", 0.01)
    made = stage(tmp_path, plan={"parts": PARTS})

    async def through() -> Any:
        async with made.open() as jam:
            filled(jam.store, 40, likes=1.0)
            await made.until(lambda: made.told("Your taste counts from now on"))
            await jam.run(headless=True, takes=1)

    run(through())
    with Store.open(made.folder) as store:
        assert "taste" in store.get(1).parts
        assert made.takes[0]["parts"]["taste"] == pytest.approx(0.5, abs=0.2)  # nothing is known of its colour
        assert store.get(41).score != 0.82


def test_a_run_of_empty_takes_parks_the_recipe_until_it_is_edited(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": {"signal": 0.0}, "take_faults": ["silent"]}, loop={"takes": 9})

    async def through() -> Any:
        async with made.open() as jam:
            jam.loop.turn_on()
            await made.until(lambda: jam.loop.state == "parked")
            assert "3 empty takes in a row, the last: silent" in jam.loop.reason
            await made.until(lambda: len(made.takes) >= 3)
            made.plan(parts=PARTS)
            jam.loop.follow(jam.revisions.change({"recipe": {"bpm": 90}}, jam.revisions.current.number))
            report = await jam.loop.off()
            assert len(report.made) == 9
            assert made.told("empty takes in a row")

    run(through())
    assert made.states.count("parked") == 1


def test_takes_that_are_only_poor_do_not_park_it(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": PARTS, "take_faults": ["clips 9 times a second"], "measured": {"bpm": 90}})

    async def through() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, takes=5)

    assert run(through()).made == 5
    assert "parked" not in made.states


def test_a_long_run_of_them_does(tmp_path: Path) -> None:
    plan = {"parts": PARTS, "take_faults": ["clips 9 times a second"], "measured": {"bpm": 90}}
    made = stage(tmp_path, plan=plan, loop={"takes": 30})

    async def through() -> Any:
        async with made.open() as jam:
            jam.loop.turn_on()
            await made.until(lambda: jam.loop.state == "parked")
            assert "12 takes that did not pass in a row, the last: clips 9 times a second" in jam.loop.reason

    run(through())


def test_a_sound_take_in_between_starts_the_count_anew(tmp_path: Path) -> None:
    seeds = list(range(8))  # every other one is faulty
    recipe = {"caption": "x", "batch_size": 1, "seeds": seeds, "use_random_seed": False}
    made = stage(tmp_path, plan={"take_faults": ["silent"], "faulty_every": 2}, recipe=recipe)

    async def through() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, takes=8)

    assert run(through()).made == 8
    assert "parked" not in made.states
