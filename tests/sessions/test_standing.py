"""Why a take stands where it does: the pool is what was asked alike and passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessions.standing import why
from sessions.store import Store
from sessions.tables import ScoreSettings
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api
from tests.sessions.takes import committed, no_waiting

__all__ = ["no_waiting", "state"]

pytestmark = pytest.mark.usefixtures("no_waiting", "state")

JAZZ = {"caption": "Slow JAZZ", "lyrics": ""}
USUAL = ScoreSettings()


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path) as store:
        for tempo, fields in (
            (1.0, {}),
            (0.5, {}),
            (0.5, {"identity": {"threads": 4}}),
            (1.0, {"faults": ("silent",)}),
            (1.0, {"identity": {"profile": "nano-turbo"}}),
            (1.0, {"request": {**JAZZ, "lyrics": "la"}}),
            (1.0, {"trashed": True}),
        ):
            trashed = fields.pop("trashed", False)
            parts = {"tempo": tempo, "signal": 1.0}
            take = committed(store, **{"request": JAZZ, "parts": parts, "score": tempo / 2 + 0.5, **fields})
            if trashed:
                store.trash(take.number)
        yield store


def test_the_pool_is_what_was_asked_alike_and_passed(store: Store) -> None:
    best, tied = (why(store, store.get(number), USUAL)["standing"] for number in (1, 2))
    assert (best["pool"], best["place"], best["ties"]) == (3, 1, 0)
    assert (tied["pool"], tied["place"], tied["ties"]) == (3, 2, 1)


def test_what_did_not_pass_or_has_no_score_stands_nowhere(store: Store) -> None:
    faulty, sung = (why(store, store.get(number), USUAL) for number in (4, 6))
    assert faulty["standing"] is None
    assert faulty["faults"] == ["silent"]
    assert (sung["kind"], sung["standing"], sung["present"]) == ("vocal", None, 0.3)


def test_weights_of_a_person_count(store: Store) -> None:
    found = why(store, store.get(2), ScoreSettings(tempo_key=0.0))
    assert [part["name"] for part in found["parts"]] == ["semantic", "signal"]
    assert found["standing"] is None  # a third of the weights


def test_a_pool_without_words_is_a_pool_too(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for _ in range(2):
            committed(store, request={"caption": ""}, parts={"tempo": 1.0, "signal": 1.0})
        assert why(store, store.get(1), USUAL)["standing"]["pool"] == 2


def test_it_is_told_over_http(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(2)
        found = await ask("GET", "/api/takes/1/why")
        assert (found["score"], found["standing"]["pool"], found["standing"]["ties"]) == (0.9, 2, 1)
        assert [part["value"] for part in found["parts"]] == [None, 1.0, 0.8]
        await ask("GET", "/api/takes/9/why", status=404)

    on_api(tmp_path, act, plan={"parts": {"tempo": 1.0, "signal": 0.8}})
