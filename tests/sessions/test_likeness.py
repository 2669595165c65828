"""Covers and the like are held against the take that they are made from, where nothing else was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.scoring.ranking import overall
from sessions.likeness import beside
from sessions.store import Store
from sessions.take import Take
from tests.sessions.jamming import run, stage, state
from tests.sessions.takes import no_waiting

__all__ = ["no_waiting", "state"]

pytestmark = pytest.mark.usefixtures("no_waiting", "state")

SURE = {"bpm": 120.0, "bpm_confidence": 0.5, "keyscale": "A minor", "key_confidence": 0.2}


def take(**fields: Any) -> Take:
    values = {"id": "a", "number": 1, "name": "", "seed": 1, "duration": 1.0, "files": {"audio": "takes/x.flac"}}
    return Take(**{**values, "request": {}, "parts": {"signal": 0.9}, "measured": SURE, **fields})


def test_a_cover_is_held_against_its_source() -> None:
    heard = {**SURE, "bpm": 60.0, "keyscale": "E minor"}
    cover = beside(take(operation="cover", measured=heard), take())
    assert cover.parts == {"signal": 0.9, "tempo": 0.5, "key": 0.5}
    assert cover.measured["kept"] == {"bpm": 120.0, "keyscale": "A minor"}
    assert overall(cover.parts, cover.request).score == 0.70  # (.25 x .5 + .25 x .9) / .5, where there was none before
    assert overall(take().parts, {}).score is None


@pytest.mark.parametrize(
    ("fields", "parent"),
    [
        ({"operation": "render"}, {}),
        ({"operation": "extract"}, {}),
        ({"operation": "cover", "parts": {"signal": 0.9, "tempo": 0.0, "key": 1.0}}, {}),  # asked for otherwise
        ({"operation": "cover"}, {"measured": {**SURE, "bpm_confidence": 0.01, "key_confidence": 0.0}}),
        ({"operation": "cover", "measured": {**SURE, "bpm_confidence": 0.01, "key_confidence": 0.0}}, {}),
        ({"operation": "cover", "measured": {}}, {}),
        ({"operation": "cover", "measured": {**SURE, "bpm": "fast"}}, {}),
        ({"operation": "cover"}, {"measured": {}}),
    ],
)
def test_nothing_is_added_where_nothing_is_known(fields: dict[str, Any], parent: dict[str, Any]) -> None:
    made = take(**fields)
    assert beside(made, take(**parent)) is made


def test_it_is_so_before_the_take_is_told_of(tmp_path: Path) -> None:
    made = stage(tmp_path, plan={"parts": {"signal": 0.9}, "measured": SURE})

    async def through() -> Any:
        async with made.open() as jam:
            await jam.run(headless=True, takes=1)
            first = jam.store.get(1)
            return await jam.loop.ask(request_of(first), parent=first, operation="cover")

    (cover,) = run(through())
    assert cover.score == 0.96  # (.25 x 1 + .25 x .9) / .5 = .95, the step .96
    with Store.open(made.folder) as store:
        assert store.get(1).score is None
        assert store.get(2).measured["kept"] == {"bpm": 120.0, "keyscale": "A minor"}


def request_of(made: Take) -> Any:
    from engine.request import Request

    return Request.from_dict({**made.request, "seeds": [9], "use_random_seed": False})
