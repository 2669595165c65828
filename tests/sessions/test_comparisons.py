"""Which take somebody has chosen among several is kept for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import EngineError
from sessions.comparisons import FILE, Comparison, record, recorded
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_choices_are_kept_in_their_order(tmp_path: Path) -> None:
    assert recorded(tmp_path) == []
    first = record(tmp_path, Comparison("a", ("b", "c"), blind=True, matched=True))
    assert first.when
    with open(tmp_path / FILE, "a", encoding="utf-8") as file:
        file.write('{"chosen": 1\n[]\n{"chosen": "x"}\n')
    second = record(tmp_path, Comparison("b", ("a",), blind=False, matched=False, when="2026-01-02T03:04:05Z"))
    assert recorded(tmp_path) == [first, second]
    with pytest.raises(EngineError, match="could not be kept"):
        record(tmp_path / "nowhere", second)


def test_a_choice_over_http(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        made = await ask.takes(3)
        kept = await ask("POST", "/api/comparisons", {"chosen": 2, "others": [1, 3], "blind": True}, status=201)
        ids = {take["number"]: take["id"] for take in made}
        assert (kept["chosen"], kept["others"]) == (ids[2], [ids[1], ids[3]])
        assert (await ask("GET", "/api/comparisons"))["comparisons"] == [kept]
        for body in (
            {},
            {"chosen": 1, "others": []},
            {"chosen": 1, "others": [1]},
            {"chosen": "1", "others": [2]},
            {"chosen": 1, "others": list(range(2, 12))},
            {"chosen": 1, "others": [2], "blind": 1},
            {"chosen": 1, "others": [2], "loud": True},
        ):
            await ask("POST", "/api/comparisons", body, status=400)
        await ask("POST", "/api/comparisons", {"chosen": 1, "others": [99]}, status=404)
        assert len((await ask("GET", "/api/comparisons"))["comparisons"]) == 1

    on_api(tmp_path, act)
