"""The client: what the studio says becomes what Python says, and a stream of events survives its connection."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from acetui.client import Client, Refused, StudioGone, attach
from tests.sessions.jamming import SECONDS, Stage, stage
from tests.sessions.studios import running


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))


def with_client(made: Stage, act: Callable[[Client], Awaitable[Any]]) -> None:
    async def session() -> None:
        async with asyncio.timeout(SECONDS), await attach(made.folder, start=False) as client:
            await act(client)

    asyncio.run(session())


async def first(events: Any, kind: str) -> dict[str, Any]:
    async for event in events:
        if event["event"] == kind:
            return dict(event)
    raise EOFError


def test_it_speaks_the_whole_api(tmp_path: Path) -> None:
    made = stage(tmp_path)
    song = tmp_path / "song.wav"
    song.write_bytes(b"la")

    async def act(client: Client) -> None:
        assert await client.upload(song) == hashlib.sha256(b"la").hexdigest()
        (take,) = (await client.call("POST", "/api/render", {"wait": True}))["takes"]
        assert (await client.change(take["number"], note="half a character: \ud800"))["note"]
        assert (await client.takes("note~half"))["total"] == 1
        assert (await client.take(take["id"]))["number"] == 1
        assert (await client.operate(1, "sibling", wait=True))["takes"][0]["parent"] == take["id"]
        assert await client.order("parent!=none", "number") == [2]
        assert [row["parent_number"] for row in await client.rows([*range(3000, 4000), 2, 1, 7])] == [1, None]
        answer = await client.change_many([1, 2], liked=True)
        assert [row["liked"] for row in answer["rows"]] == [True, True]
        assert [row["liked"] for row in (await client.change_each(answer["before"]))["rows"]] == [False, False]
        assert (await client.tokens(caption="slow"))["reason"] or (await client.tokens())["caption"]
        assert not (await client.loop("off"))["on"]
        for refused, status, code in (
            (client.take(99), 404, 3),
            (client.takes("score>>"), 400, 2),
            (client.operate(1, "repaint"), 400, 2),
            (client.peaks(1, 20), 409, 1),
            (client.call("PATCH", "/api/recipe", {"revision": 9, "recipe": {}}), 400, 2),
        ):
            with pytest.raises(Refused) as refusal:
                await refused
            assert (refusal.value.status, refusal.value.exit_code) == (status, code)
            assert refusal.value.hint
        url = await client.listen()
        assert await client.listen() == url
        async with Client("wrong", url=url) as stranger:
            with pytest.raises(Refused) as refusal:
                await stranger.session()
            assert refusal.value.status == 401
            with pytest.raises(Refused):
                await first(stranger.events(), "take")

    with running(made):
        with_client(made, act)


def test_it_changes_the_recipe_and_looks_back(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def act(client: Client) -> None:
        assert (await client.change_recipe(1, recipe={"bpm": 104}))["revision"] == 2
        with pytest.raises(Refused) as refusal:
            await client.apply(1, (await client.revision(1))["text"])
        assert (refusal.value.status, refusal.value.content["revision"]) == (412, 2)
        assert (await client.apply(2, (await client.revision(1))["text"]))["changed"] == "bpm 104 -> auto"
        assert [each["number"] for each in (await client.revisions(limit=2))["revisions"]] == [3, 2]
        await client.keep_draft("tty1", 3, {"caption": "half a wor"})
        assert await client.drafts() == [{"terminal": "tty1", "revision": 3, "typed": {"caption": "half a wor"}}]
        await client.keep_draft("tty1", 3, {})
        assert await client.drafts() == []
        (take,) = (await client.render({"bpm": 77}, wait=True))["takes"]
        assert take["request"]["bpm"] == 77

    with running(made):
        with_client(made, act)


def test_events_go_on_where_they_were_when_a_connection_breaks(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def act(client: Client) -> None:
        events = client.events((await client.session())["last_event"])
        await client.call("POST", "/api/render", {"wait": True})
        assert (await first(events, "take"))["take"]["number"] == 1
        assert client._http.connector is not None
        for transport in [protocol.transport for protocol in client._http.connector._acquired]:  # type: ignore[attr-defined]
            transport.abort()
        await client.call("POST", "/api/render", {"recipe": {"batch_size": 2}, "wait": True})
        assert [(await first(events, "take"))["take"]["number"] for _ in range(2)] == [2, 3]
        await events.aclose()  # type: ignore[attr-defined]

    with running(made):
        with_client(made, act)


def test_events_go_on_with_the_next_studio_and_say_that_some_were_missed(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def act(client: Client) -> None:
        events = client.events((await client.session())["last_event"])
        await client.call("POST", "/api/render", {"wait": True})
        await first(events, "take")
        studio.end(signal.SIGKILL)
        with running(made):
            assert (await anext(aiter(events)))["event"] == "missed"

    with running(made) as studio:
        with_client(made, act)


def test_events_end_with_the_studio(tmp_path: Path) -> None:
    made = stage(tmp_path)

    async def act(client: Client) -> None:
        events = client.events()
        loading = asyncio.create_task(first(events, "never"))
        await asyncio.sleep(0.5)
        studio.end(signal.SIGTERM)
        with pytest.raises(EOFError):
            await loading
        with pytest.raises(StudioGone):
            await client.session()

    with running(made) as studio:
        with_client(made, act)
