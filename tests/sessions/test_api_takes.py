"""Takes over HTTP: lists, verdicts, what is made from them, and their audio."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from engine import answering
from sessions import api_audio, side_process
from sessions.api import ROUTES
from sessions.side_process import SideProcess
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_takes_are_listed_filtered_sorted_and_paged(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(3)
        await ask("PATCH", "/api/takes/2", {"pinned": True})
        assert [take["number"] for take in (await ask("GET", "/api/takes"))["takes"]] == [3, 2, 1]
        page = await ask("GET", "/api/takes?sort=number&limit=2&offset=1")
        assert ([take["number"] for take in page["takes"]], page["total"]) == ([2, 3], 3)
        assert [take["number"] for take in (await ask("GET", "/api/takes?filter=pinned"))["takes"]] == [2]
        assert (await ask("GET", "/api/takes?filter=score>>3", status=400))["field"] == "filter"
        assert (await ask("GET", "/api/takes?sort=beauty", status=400))["field"] == "sort"
        for wrong in ("limit=-1", "limit=ten", "limit=1001", "offset=99999999999999999999"):
            await ask("GET", f"/api/takes?{wrong}", status=400)

    on_api(tmp_path, act)


def test_what_is_thought_of_a_take_is_on_disk_before_the_answer(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (take,) = await ask.takes(1)
        for body in ({"verdict": "liked"}, {"liked": True}, {"rating": 4, "note": "é\ud800", "tags": ["a", "a "]}):
            changed = await ask("PATCH", "/api/takes/1", body)
        assert (changed["verdict"], changed["rating"], changed["tags"]) == ("liked", 4, ["a"])
        assert await ask("GET", f"/api/takes/{take['id']}") == changed
        stored = (ask.made.folder / changed["files"]["audio"]).with_suffix(".json").read_text()
        assert '"rating": 4' in stored
        assert (await ask("DELETE", "/api/takes/1"))["trashed"]
        assert (await ask("GET", "/api/takes"))["total"] == 0
        assert not (await ask("PATCH", "/api/takes/1", {"trashed": False}))["trashed"]

    on_api(tmp_path, act)


WRONG_MARKS: list[dict[str, Any]] = [
    *({"score": 1.0}, {"verdict": []}, {"verdict": "meh"}, {"rating": 6}, {"rating": True}, {"tags": "x"}),
    *({"pinned": 1}, {"note": 3}, {"trashed": 1}, {"pinned": True, "rejected": True}, {"files": {"audio": "/x"}}),
    {"tags": [""]},
]


def test_what_cannot_be_thought_of_a_take_is_refused(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (take,) = await ask.takes(1)
        for body in WRONG_MARKS:
            await ask("PATCH", "/api/takes/1", body, status=400)
        assert await ask("GET", "/api/takes/1") == take

    on_api(tmp_path, act)


def test_a_take_that_is_not_there_is_a_404_everywhere(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for route in ROUTES:
            if "{id}" in route.path and route.method != "HEAD":
                for key in ("7", "nobody", "..", "99999999999999999999"):
                    await ask(route.method, route.path.replace("{id}", key.replace("..", "%2e%2e")), status=404)

    on_api(tmp_path, act)


def test_siblings_move_the_noise_and_name_their_parent(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (parent,) = await ask.takes(1)
        body = {"takes": 2, "variance": 0.3, "wait": True}
        siblings = (await ask("POST", "/api/takes/1/sibling", body))["takes"]
        assert [take["parent"] for take in siblings] == [parent["id"]] * 2
        assert {take["operation"] for take in siblings} == {"sibling"}
        assert {take["seed"] for take in siblings} == {parent["seed"]}
        assert len({tuple(take["request"]["retake_seed"]) for take in siblings}) == 2
        assert {take["request"]["retake_variance"] for take in siblings} == {0.3}
        for wrong in ({"takes": 0}, {"takes": "2"}, {"variance": 0}, {"variance": 2}, {"wait": 1}, {"x": 1}):
            await ask("POST", "/api/takes/1/sibling", wrong, status=400)

    on_api(tmp_path, act)


def test_a_take_is_finished_once(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (parent,) = await ask.takes(1)
        assert parent["request"]["inference_steps"] == 2
        (better,) = (await ask("POST", "/api/takes/1/finish", {"wait": True}))["takes"]
        assert (better["operation"], better["parent"], better["seed"]) == ("finish", parent["id"], parent["seed"])
        assert ask.made.requests()[-1]["inference_steps"] == 64

    on_api(tmp_path, act)


def test_finish_makes_lost_audio_again(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (take,) = await ask.takes(1)
        audio = ask.made.folder / take["files"]["audio"]
        before = audio.read_bytes()
        audio.unlink()
        await asyncio.to_thread(ask.studio.store.refresh)
        assert (await ask("GET", "/api/takes/1"))["stored"] == "latents only"
        assert "finish" in (await ask("GET", "/api/takes/1/audio", status=404))["hint"]
        (again,) = (await ask("POST", "/api/takes/1/finish", {"wait": True}))["takes"]
        assert (again["stored"], again["number"]) == ("whole", 1)
        assert audio.read_bytes() == before
        assert (await ask("GET", "/api/takes"))["total"] == 1
        assert not [path for path in ask.made.folder.iterdir() if path.name.startswith(".")]

    on_api(tmp_path, act)


# --- audio ------------------------------------------------------------------------------------------------------------


def test_audio_comes_whole_or_in_parts(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (take,) = await ask.takes(1)
        content = (ask.made.folder / take["files"]["audio"]).read_bytes()
        size = len(content)
        async with await ask.raw("GET", "/api/takes/1/audio") as response:
            tag = response.headers["ETag"]
            assert (response.status, await response.read()) == (200, content)
            assert response.headers["Accept-Ranges"] == "bytes"
            assert response.content_type == "audio/flac"

        async def part(headers: dict[str, str], method: str = "GET") -> tuple[int, bytes, str | None]:
            async with await ask.raw(method, "/api/takes/1/audio", headers=headers) as response:
                return response.status, await response.read(), response.headers.get("Content-Range")

        assert await part({"Range": "bytes=1-3"}) == (206, content[1:4], f"bytes 1-3/{size}")
        assert await part({"Range": "bytes=2-"}) == (206, content[2:], f"bytes 2-{size - 1}/{size}")
        assert await part({"Range": "bytes=-4"}) == (206, content[-4:], f"bytes {size - 4}-{size - 1}/{size}")
        assert await part({"Range": "bytes=0-99999"}) == (206, content, f"bytes 0-{size - 1}/{size}")
        assert await part({"Range": "bytes=1-3", "If-Range": tag}) == (206, content[1:4], f"bytes 1-3/{size}")
        assert await part({"Range": "bytes=1-3", "If-Range": '"other"'}) == (200, content, None)
        assert await part({"If-None-Match": tag}) == (304, b"", None)
        assert (await part({"Range": "bytes=1-3"}, "HEAD"))[:2] == (206, b"")
        for wrong in ("bytes=3-1", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5", "bytes=-", "x"):
            assert await part({"Range": wrong}) == (200, content, None)
        for beyond in (f"bytes={size}-", "bytes=-0", "bytes=999999999999-"):
            status, _, where = await part({"Range": beyond})
            assert (status, where) == (416, f"bytes */{size}")

    on_api(tmp_path, act)


def test_outlines_are_made_once_and_not_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("soundfile")

    async def act(ask: Api) -> None:
        (take,) = await ask.takes(1)
        await ask("GET", "/api/takes/1/peaks", status=409)
        audio = ask.made.folder / take["files"]["audio"]
        sound = io.BytesIO()
        with wave.open(sound, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
            file.writeframes(b"\0\0" * 8000 + b"\xff\x7f" * 8000)
        audio.write_bytes(sound.getvalue())
        outline = await ask("GET", "/api/takes/1/peaks")
        assert (outline["seconds"], len(outline["low"]), len(outline["high"])) == (2.0, 1000, 1000)
        assert (outline["high"][0], outline["high"][-1], min(outline["low"])) == (0.0, 1.0, 0.0)
        monkeypatch.setattr(api_audio, "decoded", None)
        assert await ask("GET", "/api/takes/1/peaks") == outline
        few = await ask("GET", "/api/takes/1/peaks?columns=4")
        assert (few["seconds"], few["low"], few["high"]) == (2.0, [0.0] * 4, [0.0, 0.0, 1.0, 1.0])
        for columns in (0, 1001, "x"):
            await ask("GET", f"/api/takes/1/peaks?columns={columns}", status=400)

    on_api(tmp_path, act)
    assert side_process.NO_LIBRARIES == answering.NO_LIBRARIES


@pytest.mark.parametrize("columns", [1, 2, 3, 7, 10, 11])
def test_fewer_columns_lose_no_extreme(columns: int) -> None:
    low, high = [-0.9, *[0.0] * 8, -0.1], [0.1, *[0.0] * 8, 0.9]
    found = api_audio.fewer({"seconds": 1.0, "low": low, "high": high}, columns)
    assert len(found["low"]) == len(found["high"]) == min(columns, 10)
    assert (min(found["low"]), max(found["high"])) == (-0.9, 0.9)
    assert (found["low"][0], found["high"][-1], found["seconds"]) == (-0.9, 0.9, 1.0)


def test_without_what_decodes_audio_an_outline_is_not_done(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(1)
        ask.studio.outlines = SideProcess((sys.executable, "-c", "raise SystemExit(3)"))
        assert "make studio" in (await ask("GET", "/api/takes/1/peaks", status=501))["hint"]
        ask.studio.outlines = SideProcess((sys.executable, "-c", "import os; os.abort()"))
        await ask("GET", "/api/takes/1/peaks", status=409)

    on_api(tmp_path, act)


def test_the_oldest_outlines_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_audio, "MOST_KEPT", 8)
    for number in range(9):
        path = tmp_path / f"{number}.json"
        api_audio._keep(path, "{}")
        os.utime(path, (number, number)) if number < 8 else None
    assert {path.stem for path in tmp_path.iterdir()} == set("2345678")
