"""What a client learns that attaches in the middle: what is being made, since and until when; how the run stands."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sessions import studio
from sessions.pace import BATCHES, Pace
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

HOLD = {"stage": "sampling", "do": "hold", "take": 1}


async def held(ask: Api, take: int | None) -> None:
    """Waits until the double holds, and the studio has heard it."""
    await ask.until(lambda: ask.made.held)
    await ask.until(lambda: (ask.studio.loop.progress() or ask.studio.engine.loading or {}).get("take", -1) == take)


def latest(ask: Api, kind: str) -> dict[str, Any]:
    """The last event of a kind, and nothing before the first."""
    told = [event for event in ask.studio.events.after(0) if event.event == kind]
    return dict(told[-1].data) if told else {}


def test_the_session_has_what_is_being_made(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(1)  # something to learn from
        await ask("POST", "/api/loop", {"action": "on", "takes": 7})
        await held(ask, 1)
        now = await ask("GET", "/api/session")
        progress = now["progress"]
        assert (progress["stage"], progress["done"], progress["total"], progress["take"]) == ("sampling", 1, 2, 1)
        assert datetime.fromisoformat(progress["since"]) <= datetime.fromisoformat(now["now"])
        low, high = progress["eta"]["batch"]
        assert 0 <= low <= high < 1
        assert progress["eta"]["run"][1] >= high
        batch = progress["batch"]
        assert (batch["number"], batch["size"], batch["made"], len(batch["seeds"])) == (1, 3, 1, 3)
        assert (batch["revision"], batch["operation"], batch["parent"], batch["asked"]) == (1, "render", None, False)
        told = latest(ask, "progress")
        assert {**told, "eta": None, "stage": None} == {**progress, "eta": None, "stage": None}
        ask.made.release()
        await ask.until(lambda: ask.studio.loop.run is None)
        assert (await ask("GET", "/api/session"))["progress"] is None

    on_api(tmp_path, act, recipe={"caption": "x", "batch_size": 3}, plan={"faults": [HOLD]})


def test_what_a_person_asked_for_is_told_from_the_loop(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        asked = asyncio.create_task(ask.takes(2))
        await held(ask, 1)
        batch = (await ask("GET", "/api/session"))["progress"]["batch"]
        assert (batch["number"], batch["asked"], batch["size"]) == (None, True, 2)
        ask.made.release()
        await asked

    on_api(tmp_path, act, plan={"faults": [HOLD]})


def test_a_load_is_told_too(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await held(ask, None)
        now = await ask("GET", "/api/session")
        assert (now["progress"]["stage"], now["progress"]["batch"], now["engine"]["ready"]) == ("load", None, False)
        ask.made.release()
        await ask.until(lambda: ask.studio.engine.ready)
        now = await ask("GET", "/api/session")
        assert (now["progress"], now["engine"]["ready"]) == (None, True)
        assert latest(ask, "engine")["ready"]

    on_api(tmp_path, act, plan={"faults": [{"stage": "load", "do": "hold"}]})


def test_how_the_run_stands(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("POST", "/api/loop", {"action": "on", "takes": 6, "minutes": 10, "policy": "explore"})
        await ask.until(lambda: ask.made.held)
        loop = (await ask("GET", "/api/session"))["loop"]
        assert (loop["on"], loop["state"], loop["policy"]) == (True, "rendering", "explore")
        assert (loop["takes"], loop["minutes"], loop["until_score"], loop["ceiling"]) == (6, 10, None, 50)
        assert (loop["made"], loop["takes_left"], loop["takes_per_hour"]) == (0, 6, None)
        assert 590 < loop["seconds_left"] <= 600
        ask.made.release()
        await ask.until(lambda: (ask.studio.loop.status()["takes_per_hour"] or 0) > 0)
        await ask.until(lambda: ask.studio.loop.run is None)
        runs = [dict(event.data) for event in ask.studio.events.after(0) if event.event == "run"]
        assert len(runs) == 1  # only the latest is kept
        loop = await ask("POST", "/api/loop", {"action": "off"})
        assert (loop["on"], loop["state"], loop["made"], loop["takes_left"]) == (False, "stopped", 6, None)

    on_api(tmp_path, act, plan={"faults": [{"stage": "sampling", "do": "hold"}]})


def test_figures_of_the_run_are_told_as_they_change(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        seen: list[dict[str, Any]] = []

        async def follow() -> None:
            async for event in ask.studio.events.follow():
                if event.event == "run":
                    seen.append(dict(event.data))

        following = asyncio.create_task(follow())
        await ask("POST", "/api/loop", {"action": "on", "takes": 4, "headless": True})
        await ask.until(lambda: ask.studio.loop.run is None)
        await ask.until(lambda: seen and seen[-1]["takes_left"] is None)
        following.cancel()
        assert [(run["made"], run["takes_left"], run["ceiling"]) for run in seen[:1]] == [(0, 4, None)]
        assert seen[-1]["made"] == 4
        assert seen[-1]["takes_per_hour"] > 0
        assert all(one != other for one, other in pairwise(seen))

    on_api(tmp_path, act, plan={"step_seconds": 0.02})


def test_a_run_follows_its_new_limits_at_once(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("POST", "/api/loop", {"action": "on", "takes": 50, "headless": True})
        await ask.until(lambda: ask.made.held)
        assert (await ask("GET", "/api/session"))["loop"]["takes"] == 50
        change = {"takes": 3, "policy": "explore", "unheard_ceiling": 9, "minutes": 30, "until_score": 0.9}
        answer = await ask("PATCH", "/api/recipe", {"revision": 1, "loop": change})
        assert answer["settings"]["loop"]["takes"] == 3
        loop = (await ask("GET", "/api/session"))["loop"]
        assert {name: loop[name] for name in ("takes", "policy", "ceiling", "minutes", "until_score")} == {
            **{name: change[name] for name in ("takes", "policy", "minutes", "until_score")},
            "ceiling": None,  # it was turned on headless, and nobody has said otherwise
        }
        assert latest(ask, "recipe")["revision"] == 2
        await ask.until(lambda: latest(ask, "run")["takes"] == 3)
        ask.made.release()
        await ask.until(lambda: ask.studio.loop.run is None)
        assert (await ask("GET", "/api/takes"))["total"] == 3

    on_api(tmp_path, act, plan={"faults": [{"stage": "sampling", "do": "hold"}]})


def test_a_lower_ceiling_pauses_a_run_and_a_higher_one_lets_it_go_on(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("PATCH", "/api/recipe", {"revision": 1, "loop": {"unheard_ceiling": 2}})
        await ask("POST", "/api/loop", {"action": "on"})
        await ask.until(lambda: ask.studio.loop.state == "paused")
        assert (await ask("GET", "/api/takes"))["total"] == 2
        assert (await ask("GET", "/api/session"))["loop"]["unheard"] == 2
        await ask("PATCH", "/api/recipe", {"revision": 2, "loop": {"unheard_ceiling": 4}})
        await ask.until(lambda: ask.studio.loop.state == "paused" and "4 is the ceiling" in ask.studio.loop.reason)
        assert (await ask("GET", "/api/takes"))["total"] == 4

    on_api(tmp_path, act)


def test_takes_are_counted_after_they_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "COUNT_SECONDS", 0.05)

    async def act(ask: Api) -> None:
        async with await ask.raw("GET", "/api/events"):
            await ask.takes(3)
            await ask("PATCH", "/api/takes", {"numbers": [1, 2], "pinned": True, "heard": True})
            await ask("DELETE", "/api/takes/3")
            counts = (await ask("GET", "/api/session"))["takes"]
            assert (counts["total"], counts["trashed"], counts["unheard"]) == (2, 1, 0)
            assert counts["verdicts"] == {"pinned": 2}
            await ask.until(lambda: latest(ask, "counts") == counts)

    on_api(tmp_path, act)


def test_the_pace_is_that_of_the_latest_batches_of_one_revision() -> None:
    pace = Pace()
    assert pace.per_hour is None
    pace.note(1, 4, 360.0)
    assert pace.per_hour == 40.0
    pace.note(1, 0, 360.0)  # a failure costs its time
    assert pace.per_hour == 20.0
    pace.note(2, 1, 36.0)
    assert pace.per_hour == 100.0
    for _ in range(BATCHES):
        pace.note(2, 1, 360.0)
    assert pace.per_hour == 10.0
    pace = Pace()
    pace.note(1, 0, 0.0)
    assert pace.per_hour is None
