"""What is thought of many takes at once, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


async def marks(ask: Api) -> list[tuple[Any, ...]]:
    names = ("number", "pinned", "rejected", "heard", "rating", "note", "tags", "trashed")
    takes = (await ask("GET", "/api/takes?filter=trashed+or+not+trashed&sort=number"))["takes"]
    return [tuple(take[name] for name in names) for take in takes]


def test_many_takes_are_marked_in_one_request_and_back(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(4)
        await ask("PATCH", "/api/takes/1", {"rejected": True, "tags": ["old"]})
        await ask("PATCH", "/api/takes/2", {"pinned": True, "rating": 2})
        as_it_was = await marks(ask)
        wish = {"numbers": [2, 1, 3], "pinned": True, "rating": 5, "tags": ["keep"], "note": "good", "heard": True}
        answer = await ask("PATCH", "/api/takes", wish)
        assert [(row["number"], row["pinned"], row["rating"], row["noted"]) for row in answer["rows"]] == [
            (2, True, 5, True),
            (1, True, 5, True),
            (3, True, 5, True),
        ]
        assert answer["failed"] == []
        assert answer["before"][0] == {"number": 2, "rating": 2, "tags": [], "note": "", "heard": False}
        assert answer["before"][1]["rejected"] is True
        assert await marks(ask) != as_it_was
        told = [event.data["take"]["number"] for event in ask.studio.events.after(0) if event.event == "changed"]
        assert told[-3:] == [2, 1, 3]
        back = await ask("PATCH", "/api/takes", {"changes": answer["before"]})
        assert await marks(ask) == as_it_was
        again = await ask("PATCH", "/api/takes", {"changes": back["before"]})
        assert [row["rating"] for row in again["rows"]] == [5, 5, 5]

    on_api(tmp_path, act)


def test_many_takes_go_to_the_trash_and_come_back(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(3)
        answer = await ask("PATCH", "/api/takes", {"numbers": [1, 3], "trashed": True})
        assert answer["before"] == [{"number": 1, "trashed": False}, {"number": 3, "trashed": False}]
        assert (await ask("GET", "/api/order"))["numbers"] == [2]
        await ask("PATCH", "/api/takes", {"changes": answer["before"]})
        assert (await ask("GET", "/api/order"))["numbers"] == [3, 2, 1]

    on_api(tmp_path, act)


def test_what_one_take_refuses_the_others_have(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(2)
        answer = await ask("PATCH", "/api/takes", {"numbers": [99, 1, 2], "liked": True})
        assert [row["number"] for row in answer["rows"]] == [1, 2]
        (failed,) = answer["failed"]
        assert (failed["number"], failed["error"]) == (99, "There is no take 99.")
        changes = [{"number": 1, "rating": 3}, {"number": 2, "rating": 17}]
        answer = await ask("PATCH", "/api/takes", {"changes": changes})
        assert ([row["number"] for row in answer["rows"]], answer["failed"][0]["field"]) == ([1], "rating")

    on_api(tmp_path, act)


def test_nonsense_changes_nothing(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(1)
        before = await marks(ask)
        wrong: list[dict[str, Any]] = [
            {},
            {"pinned": True},
            {"numbers": 1, "pinned": True},
            {"numbers": ["1"], "pinned": True},
            {"numbers": [True], "pinned": True},
            {"numbers": [0], "pinned": True},
            {"numbers": [2**70], "pinned": True},
            {"numbers": [1], "beauty": True},
            {"numbers": [1], "rating": 17},
            {"numbers": [1], "verdict": "lovely"},
            {"numbers": [1], "trashed": "yes"},
            {"numbers": [1], "changes": []},
            {"changes": {}},
            {"changes": [1]},
            {"changes": [{"pinned": True}]},
            {"changes": [{"number": 1, "seed": 4}]},
            {"changes": [], "pinned": True},
            {"numbers": list(range(1, 1002)), "pinned": True},
        ]
        for body in wrong:
            await ask("PATCH", "/api/takes", body, status=400)
        assert await marks(ask) == before
        nothing = await ask("PATCH", "/api/takes", {"numbers": []})
        assert nothing == {"rows": [], "before": [], "failed": []}

    on_api(tmp_path, act)
