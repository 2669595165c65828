"""The planner over HTTP: what reaches the engine, what comes back, and what is refused before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sessions.studios import Api, on_api


def test_a_plan_for_the_recipe(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        plan = await asked("POST", "/api/plan", {"recipe": {"bpm": 96}})
        assert (plan["job"], plan["caption"], plan["codes"]) == ("plan", "slow jazz", [1, 2])

    on_api(tmp_path, act, recipe={"caption": "slow jazz"})


def test_a_sentence_and_polish(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        sample = await asked("POST", "/api/sample", {"query": "a love song", "recipe": {"vocal_language": "bn"}})
        assert (sample["job"], sample["query"], sample["caption"]) == ("sample", "a love song", "")
        polish = await asked("POST", "/api/format", {"recipe": {"caption": "jazz"}})
        assert (polish["job"], polish["caption"]) == ("format", "jazz")

    on_api(tmp_path, act, recipe={"caption": "slow jazz"})


def test_takes_and_sources_are_understood(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        (take,) = await asked.takes(1)
        heard = await asked("POST", "/api/understand", {"take": str(take["number"])})
        assert heard["job"] == "understand"
        assert heard["source"].endswith(Path(take["files"]["audio"]).name)
        digest = (await asked("POST", "/api/sources?name=x.flac", status=201, data=b"not really audio"))["hash"]
        assert digest in (await asked("POST", "/api/understand", {"source": digest}))["source"]

    on_api(tmp_path, act)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("plan", {"recipe": []}, 400),
        ("plan", {"recipe": {"bpm": 9999}}, 400),
        ("plan", {"nonsense": 1}, 400),
        ("plan", {"recipe": {"src_audio": "/etc/passwd"}}, 403),
        ("sample", {"query": 3}, 400),
        ("sample", {"query": "x" * 200_000}, 400),
        ("understand", {}, 400),
        ("understand", {"take": "1", "source": "2"}, 400),
        ("understand", {"take": 99}, 404),
        ("understand", {"take": True}, 400),
        ("understand", {"source": "../../etc/passwd"}, 404),
        ("understand", {"source": 4}, 400),
    ],
)
def test_what_is_refused(tmp_path: Path, path: str, body: dict[str, Any], status: int) -> None:
    async def act(asked: Api) -> None:
        await asked("POST", f"/api/{path}", body, status=status)

    on_api(tmp_path, act)


def test_an_engine_that_dies_meanwhile_is_told_of(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        asked.made.plan(faults=[{"stage": "planner", "do": "die"}])
        failure = await asked("POST", "/api/plan", {}, status=503)
        assert failure["hint"] == "Ask for it again."
        assert (await asked("POST", "/api/plan", {}))["job"] == "plan"

    on_api(tmp_path, act)
