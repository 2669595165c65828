"""``acetui repaint`` and its like: what is sent, and what is printed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import build_parser, main
from acetui.verbs import operating, operations
from engine import InvalidRequest
from engine.values import LARGEST_BATCH
from sessions import derived
from sessions.new_session import create
from sessions.settings import Settings

TAKE = {
    "number": 9,
    "name": "neon",
    "score": None,
    "verdict": "unheard",
    "duration": 10.0,
    "seed": 3,
    "rating": None,
    "trashed": False,
    "stored": "whole",
    "faults": [],
    "tags": [],
    "note": "",
    "identity": {},
}


class Studio:
    """What the verbs need of a studio."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, Mapping[str, Any]]] = []

    async def operate(self, key: int, operation: str, **body: Any) -> dict[str, Any]:
        self.asked.append((key, operation, body))
        return {"takes": [TAKE]}


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    found = Studio()

    @asynccontextmanager
    async def there() -> AsyncIterator[Studio]:
        yield found

    async def attach(session: Path) -> Any:
        return there()

    async def find(takes: Any, words: Sequence[str]) -> list[dict[str, Any]]:
        numbers = {"last": [4], "pinned": [2, 3]}
        return [{"number": n} for word in words for n in numbers.get(word) or [int(word)]]

    monkeypatch.setattr(operating, "attached", attach)
    monkeypatch.setattr(operating, "find", find)
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path))
    create(tmp_path / "sessions" / "jam", Settings.from_dict({}))
    return found


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (
            "repaint jam 4 --repainting-start 2.5 --repainting-end 6 --repaint-mode aggressive --takes 3",
            [(4, {"repainting_start": 2.5, "repainting_end": 6.0, "repaint_mode": "aggressive", "takes": 3})],
        ),
        (
            "repaint jam 4 --repainting-start -2 --seed 7 8",
            [(4, {"repainting_start": -2.0, "seeds": [7, 8], "takes": 2})],
        ),
        ("cover jam last --task cover-nofsq --caption waltz", [(4, {"task_type": "cover-nofsq", "caption": "waltz"})]),
        ("extend jam 4 --seconds 12.5 --side before", [(4, {"seconds": 12.5, "side": "before"})]),
        ("stitch jam 4 --with last --gap 1", [(4, {"with": 4, "gap": 1})]),
        ("join jam 4 --with 5 pinned", [(4, {"with": [5, 2, 3]})]),
        ("extract jam pinned --track vocals", [(2, {"track": "vocals"}), (3, {"track": "vocals"})]),
        ("complete jam 4 --tracks drums bass", [(4, {"tracks": ["drums", "bass"]})]),
        ("sibling jam 4 --takes 2 --variance 0.3", [(4, {"takes": 2, "variance": 0.3})]),
        ("crop jam 4 --crop-start 1 --fade-out 2.5", [(4, {"crop_start": 1.0, "fade_out": 2.5})]),
        ("finish jam 4", [(4, {})]),
    ],
)
def test_what_is_typed_is_what_the_studio_is_asked(
    studio: Studio, capsys: pytest.CaptureFixture[str], words: str, asked: list[tuple[int, dict[str, Any]]]
) -> None:
    verb = words.split()[0]
    assert main([*words.split(), "--json"]) == 0
    assert studio.asked == [(number, verb, {**body, "wait": True}) for number, body in asked]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["take"] * len(asked) + ["done"]
    assert lines[-1]["takes"] == len(asked)


def test_people_get_a_line_for_every_take(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repaint", "jam", "4", "--repainting-end", "3"]) == 0
    told = capsys.readouterr()
    assert told.out.split()[:1] == ["9"]


@pytest.mark.parametrize(
    "words",
    [
        "repaint jam",
        "repaint jam 4 --takes 9",
        "repaint jam 4 --batch 2",
        "repaint jam 4 --repainting-start soon",
        "finish jam 4 --takes 2",
        "stitch jam 4 --with pinned",
        "stitch jam 4",
        "join jam 4",
        "cover jam 4 --source other.wav",
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(studio: Studio, capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert main([*words.split(), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["event"] == "error"
    assert studio.asked == []


def test_every_operation_of_the_api_is_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(operations.VERBS) == {*derived.OPERATIONS, "sibling", "finish"}
    assert operations.MOST_TAKES == LARGEST_BATCH
    assert main(["extend", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(flag in told for flag in ("--seconds", "--overlap", "--repaint-mode", "--caption"))
    assert "--repainting-start" not in told
    parser = build_parser()
    assert parser.parse_args(["repaint", "jam", "4"]).take == "4"


def test_what_is_refused_is_not_said_to_be_under_way(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    async def refuse(*_: object, **__: object) -> dict[str, Any]:
        raise InvalidRequest("seconds cannot be 900.", "Less.")

    studio.operate = refuse  # type: ignore[method-assign]
    assert main(["extend", "jam", "4", "--seconds", "900"]) == 2
    assert capsys.readouterr().err.split() == "acetui: seconds cannot be 900. Less.".split()


def test_what_takes_a_while_is_said_to_be_under_way(
    studio: Studio, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(*_: object, **__: object) -> dict[str, Any]:
        await asyncio.sleep(0.1)
        return {"takes": [TAKE]}

    studio.operate = slowly  # type: ignore[method-assign]
    monkeypatch.setattr(operating, "ACCEPTED_SECONDS", 0.01)
    assert main(["extend", "jam", "4"]) == 0
    assert capsys.readouterr().err == "The studio is at it: extend of take 4.\n"


def test_ctrl_c_says_that_the_studio_goes_on(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupted(*_: object, **__: object) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)
        return {"takes": [TAKE]}

    studio.operate = interrupted  # type: ignore[method-assign]
    assert main(["extend", "jam", "4"]) == 130
    told = capsys.readouterr().err
    assert "The studio goes on" in told
    assert "acetui studio jam --stop" in told
    assert "Nothing was written" not in told
