"""The loop from the keyboard: each key asks the studio for what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetui.client import Refused
from acetui.recipe.loop_limits import NONE, read_limits, written_limits
from engine.errors import InvalidRequest
from sessions.tables import LoopSettings
from tests.acetui.presses import presses
from tests.acetui.told_studio import ToldStudio, studio, until

PAUSED = {"on": True, "state": "paused", "reason": "50 takes are unheard, and 50 is the ceiling", "made": 50}


def at_work(state: str = "rendering") -> ToldStudio:
    told = ToldStudio()
    told.loop_now = {"on": state != "idle", "state": state, "reason": "", "made": 0}
    return told


async def asked_for(told: ToldStudio, *keys: str) -> list[tuple[str, object]]:
    """What the studio is asked when keys are pressed."""
    async with studio(told) as (_, pilot):
        await pilot.press(*keys)
        await until(pilot, lambda: bool(told.asked))
    return told.asked


@presses("loop")
async def test_one_key_turns_the_loop_on_and_off() -> None:
    assert await asked_for(at_work("idle"), "a") == [("loop", "on")]
    assert await asked_for(at_work(), "a") == [("loop", "off")]
    assert await asked_for(at_work("stopping"), "a") == [("loop", "on")]


@presses("skip", "stop-after", "stop-now")
async def test_keys_steer_a_loop_that_is_on() -> None:
    assert await asked_for(at_work(), "K") == [("loop", "skip")]
    assert await asked_for(at_work(), "A") == [("loop", "stop-after")]
    assert await asked_for(at_work(), "ctrl+x") == [("loop", "stop-now")]


@pytest.mark.parametrize("key", ["K", "A", "ctrl+x"])
async def test_what_needs_a_loop_says_that_there_is_none(key: str) -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: app.desk.key_bar.message == "The loop is off.")
        assert told.asked == []


@presses("policy")
async def test_the_policy_goes_round_and_is_kept_in_the_session() -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        for before, after in (("mix", "explore"), ("explore", "siblings"), ("siblings", "mix")):
            told.settings = {"recipe": {}, "loop": {} if before == "mix" else {"policy": before}}
            told.tell("recipe", revision=told.revision, changed="policy")
            await until(pilot, lambda wanted=before: app.state.settings["loop"].get("policy", "mix") == wanted)  # type: ignore[misc]
            told.asked.clear()
            await pilot.press("o", "p")
            await until(pilot, lambda: bool(told.asked))
            assert told.asked == [("change_recipe", (1, {"loop": {"policy": after}}))]


@presses("taste")
async def test_a_persons_taste_is_left_out_and_let_in() -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        for before, after in (({}, 0), ({"taste": 0}, None)):
            told.settings = {"recipe": {}, "scores": before}
            told.tell("recipe", revision=told.revision, changed="taste")
            await until(pilot, lambda wanted=before: app.state.settings.get("scores") == wanted)  # type: ignore[misc]
            told.asked.clear()
            await pilot.press("o", "y")
            await until(pilot, lambda: bool(told.asked))
            assert told.asked == [("change_recipe", (1, {"scores": {"taste": after}}))]


@presses("limit")
async def test_limits_are_typed_as_words() -> None:
    told = ToldStudio()
    told.settings = {"recipe": {}, "loop": {"takes": 50}}
    async with studio(told) as (app, pilot):
        await pilot.press("o", "l")
        await until(pilot, lambda: app.desk.prompt.line.value == "50 takes")
        app.desk.prompt.line.value = "2 h, score .9"
        await pilot.press("enter")
        await until(pilot, lambda: bool(told.asked))
        limits = {"takes": None, "minutes": 120.0, "until_score": 0.9}
        assert told.asked == [("change_recipe", (1, {"loop": limits}))]
        await until(pilot, lambda: app.desk.key_bar.message == "The loop ends after 2 h, score 0.9.")
        await pilot.press("o", "l")
        await until(pilot, lambda: app.desk.prompt.has_class("-open"))
        app.desk.prompt.line.value = "until the cows come home"
        await pilot.press("enter")
        await until(pilot, lambda: "limits nothing" in app.desk.key_bar.message)
        assert len(told.asked) == 1


@presses("go-on")
async def test_a_loop_that_waits_for_ears_goes_on() -> None:
    told = ToldStudio()
    told.loop_now = {**PAUSED, "unheard": 53, "ceiling": 50}
    async with studio(told, (120, 30)) as (app, pilot):
        assert "paused: 50 takes are unheard" in app.desk.status.text
        await pilot.press("o", "g")
        await until(pilot, lambda: bool(told.asked))
        assert told.asked == [
            ("change_recipe", (1, {"loop": {"unheard_ceiling": 53 + LoopSettings().unheard_ceiling}}))
        ]


async def test_other_ways_to_go_on() -> None:
    told = ToldStudio()
    told.loop_now = {"on": True, "state": "parked", "reason": "3 failures in a row", "made": 0}
    async with studio(told) as (app, pilot):
        await pilot.press("o", "g")
        await until(pilot, lambda: len(told.asked) == 2)
        assert told.asked == [("loop", "stop-now"), ("loop", "on")]
        told.tell("loop", state="paused", reason="the disk has 1.00 GB left, and the floor is 2 GB")
        await until(pilot, lambda: app.state.loop.state == "paused")
        await pilot.press("o", "g")
        await until(pilot, lambda: "goes on by itself once there is room" in app.desk.key_bar.message)
        told.tell("loop", state="rendering", reason="")
        await until(pilot, lambda: app.state.loop.state == "rendering")
        await pilot.press("o", "g")
        await until(pilot, lambda: "waits for nothing" in app.desk.key_bar.message)
        told.tell("loop", state="idle", reason="")
        await until(pilot, lambda: not app.state.loop.on)
        await pilot.press("o", "g")
        await until(pilot, lambda: len(told.asked) == 3)
        assert told.asked[2] == ("loop", "on")


async def test_what_the_studio_refuses_is_said_with_its_hint() -> None:
    told = ToldStudio()
    told.refusal = Refused(503, {"error": "The engine has given up.", "hint": "Look at its log."})
    async with studio(told) as (app, pilot):
        await pilot.press("a")
        await until(pilot, lambda: app.desk.key_bar.message == "The engine has given up. Look at its log.")


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", {}),
        ("50", {"takes": 50}),
        (" 50 Takes ", {"takes": 50}),
        ("30 min", {"minutes": 30}),
        ("1.5h", {"minutes": 90}),
        ("score .9 and 20 takes", {"until_score": 0.9, "takes": 20}),
        ("until 0.85, 2 hours", {"until_score": 0.85, "minutes": 120}),
    ],
)
def test_limits_are_understood(text: str, limits: dict[str, float]) -> None:
    assert read_limits(text) == {**NONE, **limits}


@pytest.mark.parametrize("text", ["soon", "1.5 takes", "50 apples", "score 9 min", "-3", "min"])
def test_what_limits_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="limits nothing"):
        read_limits(text)


@given(
    st.none() | st.integers(1, 10**6),
    st.none() | st.integers(1, 10**5).map(float),
    st.none() | st.integers(0, 100).map(lambda hundredths: hundredths / 100),
)
def test_limits_are_read_as_they_are_written(takes: int | None, minutes: float | None, score: float | None) -> None:
    loop = {"takes": takes, "minutes": minutes, "until_score": score}
    assert read_limits(written_limits(loop)) == loop
