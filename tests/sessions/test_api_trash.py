"""The trash and what plays, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessions.housekeeping import survey
from sessions.scan import ROOMS
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_the_trash_is_emptied_for_good_and_nothing_else_is(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(4)
        for number in (1, 2, 3):
            await ask("DELETE", f"/api/takes/{number}")
        await ask("DELETE", "/api/trash/4", status=409)
        assert (await ask("DELETE", "/api/trash/2"))["number"] == 2
        assert (await ask("DELETE", "/api/trash"))["deleted"] == [1, 3]
        assert (await ask("DELETE", "/api/trash"))["deleted"] == []
        await ask("GET", "/api/takes/1", status=404)
        await ask.until(lambda: [e for e in ask.studio.events.after(0) if e.data.get("kind") == "deleted"])
        left = {room: len(list((ask.made.folder / room).glob("*"))) for room in ROOMS}
        assert left == {"takes": 2, "latents": 1, "trash/takes": 0, "trash/latents": 0}
        (take,) = await ask.takes(1)
        assert take["number"] == 5

    on_api(tmp_path, act)


def test_what_plays_keeps_its_audio_whatever_the_quota_says(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(3)
        for number in (1, 2, 3):
            await ask("PATCH", f"/api/takes/{number}", {"verdict": "heard"})
        assert (await ask("PUT", "/api/playing/my-terminal", {"take": 2}))["take"] == 2
        assert (await ask("PUT", "/api/playing/my-terminal", {"take": 1}))["take"] == 1
        assert (await ask.raw("GET", "/api/takes/2/audio")).status == 200  # whoever fetches it is about to play it
        assert ask.studio.playing.numbers() == {1, 2}
        store = ask.studio.store
        survey(store, 1e-9, ask.studio.playing.numbers())
        assert [store.get(number).stored for number in (1, 2, 3)] == ["whole", "whole", "latents only"]
        await ask("PUT", "/api/playing/my-terminal", {"take": None})
        survey(store, 1e-9, ask.studio.playing.numbers())
        assert [store.get(number).stored for number in (1, 2)] == ["latents only", "whole"]
        for path, body, status in (
            ("/api/playing/x", {"take": 99}, 404),
            ("/api/playing/x", {"take": 1.5}, 400),
            ("/api/playing/x", {"takes": 1}, 400),
            ("/api/playing/-x", {"take": 1}, 400),
            ("/api/playing/x%20y", {"take": 1}, 400),
        ):
            await ask("PUT", path, body, status=status)

    on_api(tmp_path, act)


def test_the_loop_asks_what_plays(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(2)
        await ask("PATCH", "/api/takes/1", {"verdict": "heard"})
        await ask("PATCH", "/api/takes/2", {"verdict": "heard"})
        await ask("PUT", "/api/playing/x", {"take": 1})
        await ask("POST", "/api/loop", {"action": "on", "quota_gb": 0.01, "keep": 1, "takes": 3, "headless": True})
        await ask.until(lambda: [e for e in ask.studio.events.after(0) if e.event == "done"])
        await ask("PUT", "/api/playing/x", {"take": 3})
        assert ask.studio.loop._playing() == {3}

    on_api(tmp_path, act)
