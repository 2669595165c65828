"""Takes for a list of many: the order of all, and rows of some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sessions.api_rows import _order
from sessions.briefs import brief
from sessions.store import Store
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api
from tests.sessions.takes import committed, no_waiting

__all__ = ["no_waiting", "state"]

pytestmark = pytest.mark.usefixtures("state")


def test_the_order_is_that_of_the_list_and_has_no_end(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(8)
        await ask("PATCH", "/api/takes/2", {"pinned": True, "rating": 3})
        await ask("PATCH", "/api/takes/5", {"rejected": True})
        await ask("DELETE", "/api/takes/7")
        assert await ask("GET", "/api/order") == {"numbers": [8, 6, 5, 4, 3, 2, 1], "total": 7}
        assert (await ask("GET", "/api/order?filter=not+rejected&sort=-rating,number"))["numbers"] == [2, 1, 3, 4, 6, 8]
        assert (await ask("GET", "/api/order?filter=trashed"))["numbers"] == [7]
        told = await ask("GET", "/api/order?revisions=true&sort=number")
        assert (told["runs"], told["firsts"]) == ([[1, 7]], [[1, 1]])
        assert (await ask("GET", "/api/order?filter=caption~slow&sort=number"))["total"] == 7
        assert (await ask("GET", "/api/order?filter=score>>3", status=400))["field"] == "filter"
        assert (await ask("GET", "/api/order?sort=beauty", status=400))["field"] == "sort"
        assert (await ask("GET", "/api/order?revisions=yes", status=400))["field"] == "revisions"

    on_api(tmp_path, act)


def test_rows_are_those_that_are_asked_for_in_that_order(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(3)
        await ask("POST", "/api/takes/2/sibling", {"wait": True})
        await ask("PATCH", "/api/takes/3", {"note": "the bridge", "tags": ["Keep it"], "name": "Über"})
        await ask("DELETE", "/api/takes/1")
        rows = (await ask("GET", "/api/rows?numbers=4,1,3,99,4"))["rows"]
        assert [row["number"] for row in rows] == [4, 1, 3]
        child, gone, noted = rows
        assert (child["parent_number"], child["operation"], child["trashed"]) == (2, "sibling", False)
        assert (gone["trashed"], gone["parent_number"], gone["noted"]) == (True, None, False)
        assert (noted["noted"], noted["tags"], noted["name"], noted["verdict"]) == (
            True,
            ["Keep it"],
            "Über",
            "unheard",
        )
        assert not {"request", "note", "plan", "identity"} & noted.keys()
        assert noted == brief(await ask("GET", "/api/takes/3"))
        assert (await ask("GET", "/api/rows?numbers="))["rows"] == []

    on_api(tmp_path, act)


def test_rows_of_a_page(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(4)
        await ask("PATCH", "/api/takes/3", {"liked": True})
        page = await ask("GET", "/api/rows?filter=not+liked&sort=number&limit=2&offset=1")
        assert [row["number"] for row in page["rows"]] == [2, 4]

    on_api(tmp_path, act)


def test_nonsense_for_rows_is_refused(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        many = ",".join(map(str, range(1001)))
        for numbers in ("x", "1,,2", "1,", "-1", "1.5", "1" * 20, "\u0663", many):
            assert (await ask("GET", f"/api/rows?numbers={numbers}", status=400))["field"] == "numbers"
        await ask("GET", "/api/rows?limit=1001", status=400)

    on_api(tmp_path, act)


def test_a_sketch_is_marked() -> None:
    take = dict.fromkeys(("number id name score parts duration seed revision verdict pinned liked rejected").split())
    take |= dict.fromkeys(("heard rating tags parent operation faults created batch stored trashed note").split())
    assert brief({**take, "identity": {"profile": "nano-turbo"}})["sketch"]
    assert not brief({**take, "identity": {"profile": "xl-turbo"}})["sketch"]
    assert not brief({**take, "identity": {}}, 4)["sketch"]


def test_revisions_end_where_takes_of_another_begin_and_siblings_begin_none(tmp_path: Path, no_waiting: None) -> None:
    with Store.open(tmp_path) as store:
        for revision, operation in ((3, "sibling"), (1, "render"), (1, "render"), (2, "render"), (1, "sibling")):
            committed(store, revision=revision, operation=operation)
        committed(store)
        told = json.loads(_order(store, "", "number", True))
        assert told["runs"] == [[3, 1], [1, 2], [2, 1], [1, 1], [None, 1]]
        assert told["firsts"] == [[1, 2], [2, 4]]
        assert json.loads(_order(store, "operation!=sibling", "-revision,number", True))["runs"] == [
            [2, 1],
            [1, 2],
            [None, 1],
        ]
