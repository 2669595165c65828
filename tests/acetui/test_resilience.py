"""What breaks is said in one line, the rest goes on, and what comes back is there again by itself."""

from __future__ import annotations

import asyncio

import pytest

from acetui.studio_state import Connection
from tests.acetui.told_studio import NANO, ToldStudio, studio, until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long between attempts."""
    monkeypatch.setattr("acetui.link.RETRY_SECONDS", (0.05,))


async def test_a_lost_studio_is_said_in_a_line_and_comes_back_by_itself() -> None:
    told = ToldStudio()
    told.loop_now = {"on": True, "state": "rendering", "reason": "", "made": 3}
    async with studio(told, (120, 30)) as (app, pilot):
        told.go()
        await until(pilot, lambda: app.state.connection is Connection.LOST)
        assert "It is being looked for; what is typed is kept." in app.desk.status.text
        assert app.desk.status.text.startswith("neon  rev 1")
        await pilot.press("a")  # an action that needs the studio says so, and nothing falls over
        await until(pilot, lambda: "The studio is not connected just now." in app.desk.key_bar.message)
        await pilot.press("f2", *"warm")
        assert app.desk.caption.editor.text == "warm"
        told.revision = 2
        told.there = True
        await until(pilot, lambda: app.state.connection is Connection.THERE and app.state.revision == 2)
        assert "loop" in app.desk.status.text
        assert "lost" not in app.desk.status.text
        assert app.desk.caption.editor.text == "warm"
        assert told.attached == 2


async def test_a_studio_that_goes_again_and_again_is_found_every_time() -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        for again in range(2, 5):
            told.go()
            await until(pilot, lambda: app.state.connection is Connection.LOST)
            told.there = True
            await until(pilot, lambda again=again: told.attached == again)  # type: ignore[misc]
            await until(pilot, lambda: app.state.connection is Connection.THERE)


async def test_an_engine_that_dies_is_told_of_until_it_is_back() -> None:
    told = ToldStudio()
    told.engine = {"ready": True, "restarting": False, "profile": NANO}
    told.loop_now = {"on": True, "state": "rendering", "reason": "", "made": 0}
    async with studio(told, (120, 30)) as (app, pilot):
        told.tell("engine", ready=False, restarting=True, profile=None)
        told.tell("notice", text="The engine was killed. It is started again in 0.5 s.")
        await until(pilot, lambda: "the engine has died and is started again" in app.desk.status.text)
        assert "sketch model" in app.desk.status.text
        assert "It is started again in 0.5 s." in app.desk.log_pane.book.entries()[-1].text
        told.tell("engine", ready=True, restarting=False, profile=NANO)
        await until(pilot, lambda: "loop" in app.desk.status.text)
        assert "died" not in app.desk.status.text
        told.tell("engine", ready=False, waiting_for="the session other (process 7)", profile=None)
        await until(pilot, lambda: "the session other (process 7) has it" in app.desk.status.text)


async def test_progress_moves_in_the_status_line() -> None:
    told = ToldStudio()
    told.loop_now = {"on": True, "state": "rendering", "reason": "", "made": 0, "takes_per_hour": 240.0}
    async with studio(told, (140, 30)) as (app, pilot):
        batch = {"number": 12, "size": 4, "made": 0, "asked": False}
        for done in (1, 6):
            told.tell(
                "progress",
                stage="sampling",
                done=done,
                total=8,
                take=None,
                batch=batch,
                eta={"batch": [2.0, 3.0], "run": [1080.0, 1440.0]},
            )
            await until(pilot, lambda done=done: f"batch 12, step {done}/8" in app.desk.status.text)  # type: ignore[misc]
        assert "2-3 s left, all in 18-24 min" in app.desk.status.text
        assert "240/h" in app.desk.status.text
        told.tell("loop", state="stopped", reason="4 takes are made")
        await until(pilot, lambda: "loop off" in app.desk.status.text)


async def test_a_failure_nobody_thought_of_does_not_end_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        whole = told.session
        answers = iter([RuntimeError("odd")])

        async def odd() -> dict[str, object]:
            for answer in answers:
                raise answer
            return await whole()

        monkeypatch.setattr(told, "session", odd)
        told.go()
        await until(pilot, lambda: app.state.connection is Connection.LOST)
        told.there = True
        await until(pilot, lambda: app.state.connection is Connection.THERE)
        assert told.attached == 3
        await asyncio.sleep(0)
