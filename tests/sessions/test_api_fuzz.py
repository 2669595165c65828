"""The API, asked everything that its own description allows and much that it does not: it never fails with a 500."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis

from sessions import api_audio, api_events
from sessions.api import ROUTES, Server
from sessions.api_errors import ApiError
from sessions.discovery import Place
from sessions.openapi import document
from sessions.studio import Studio
from tests.sessions.jamming import stage

FEW, MANY = 6, 200


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Address and token of a studio with a few takes, which is served from another thread."""
    folder = tmp_path_factory.mktemp("fuzz")
    ready, end = threading.Event(), asyncio.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        place = Place("f" * 12, folder / "place")
        made = stage(folder)
        place.make()
        async with Studio.open(made.folder, place, command=made.command) as studio, Server(studio) as server:
            await (await studio.ask({"batch_size": 2}))
            found.update(url=await server.listen(), token=place.token(), loop=asyncio.get_running_loop())
            ready.set()
            await end.wait()

    async def undecodable(*given: Any, **wanted: int) -> str:  # a process for every question would take a while
        raise ApiError(409, "The audio cannot be decoded.", "It is a double's.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACETUI_STATE", str(folder / "state"))
        patch.setenv("ACETUI_DATA", str(folder / "data"))
        patch.setenv("HF_HUB_OFFLINE", "1")  # nothing is downloaded, whatever is asked for
        patch.setattr(api_events, "HEARTBEAT_SECONDS", 0.05)
        patch.setattr(api_audio, "decoded", undecodable)
        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        assert ready.wait(60)
        yield found
        found["loop"].call_soon_threadsafe(end.set)
        thread.join(30)


ENDLESS = "/api/events"
DESCRIBED = schemathesis.openapi.from_dict(document(ROUTES)).exclude(path=ENDLESS)
OPERATIONS = [result.ok() for result in DESCRIBED.get_all_operations()]
EACH = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")


@EACH
def test_whatever_is_asked_is_answered_calmly(operation: Any, studio: dict[str, Any]) -> None:
    check(operation, studio, FEW)


@pytest.mark.slow
@EACH
def test_much_that_is_asked_is_answered_calmly(operation: Any, studio: dict[str, Any]) -> None:
    check(operation, studio, MANY)


def test_the_description_has_every_route_but_the_endless_one() -> None:
    assert len(OPERATIONS) == len(ROUTES) - 1


def check(operation: Any, studio: dict[str, Any], examples: int) -> None:
    """Asks what the description allows, and what it does not."""
    modes = schemathesis.GenerationMode
    for mode in (modes.POSITIVE, modes.NEGATIVE) if operation.body or operation.query else (modes.POSITIVE,):
        ask_all(operation, studio, operation.as_strategy(generation_mode=mode), examples)


def ask_all(operation: Any, studio: dict[str, Any], cases: Any, examples: int) -> None:
    @hypothesis.given(case=cases, key=hypothesis.strategies.sampled_from(["1", "2", None]))
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def ask(case: Any, key: str | None) -> None:
        if key is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = key  # else hardly one would be of a take that is there
        headers = {"Authorization": f"Bearer {studio['token']}"}
        response = case.call(base_url=studio["url"].rstrip("/"), headers=headers, timeout=30)
        assert response.status_code != 500, (response.text, case.as_curl_command())
        if response.status_code >= 400 and operation.method.upper() != "HEAD":
            assert response.json()["error"]

    ask()
