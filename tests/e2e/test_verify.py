"""``acetui verify`` with the real engine: after a restart, takes of every position of a batch come out the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from sessions.take import Take
from tests.e2e import tiny

RECIPE: dict[str, Any] = {"caption": "Neon drive, slow", "duration": 2.0, "inference_steps": 2}

KINDS = {
    "ode": {},
    "sde": {"infer_method": "sde"},
    "heun": {"sampler_mode": "heun"},
    "a shift and a level": {"shift": 1.0, "normalization_db": -3.0},
    "words and metadata": {"lyrics": "[Verse]\nRain on glass", "bpm": 96, "keyscale": "A minor", "duration": 5.0},
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder of its own, and its surroundings around this process."""
    before = dict(os.environ)
    tiny.enter(tmp_path)
    yield tmp_path
    tiny.acetui("studio", str(tmp_path / "jam"), "--stop")
    os.environ.clear()
    os.environ.update(before)


def jam(session: Path, takes: int, *flags: str) -> None:
    """A run in a process of its own, which then ends."""
    done = tiny.acetui("jam", str(session), "--takes", str(takes), "--json", *flags)
    assert done.returncode == 0, done.stderr


def verified(session: Path, takes: int) -> list[dict[str, Any]]:
    """What another process says of all takes."""
    done = tiny.acetui("verify", str(session), f"1-{takes}", "--json")
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [outcome["number"] for outcome in outcomes] == list(range(1, takes + 1)), done.stdout + done.stderr
    assert (done.returncode == 0) == all(outcome["identical"] for outcome in outcomes)
    return outcomes


def layouts(session: Path) -> list[tuple[int, int]]:
    """The place of every take in its batch, and how large that was."""
    files = sorted((session / "takes").glob("*.json"))
    takes = [Take.from_json(file.read_bytes()) for file in files]
    return [(take.layout["index"], take.layout["size"]) for take in takes]


@pytest.mark.timeout(900)
def test_every_position_of_a_batch_and_siblings_are_identical_after_a_restart(place: Path) -> None:
    session = tiny.session(place, recipe=RECIPE | {"batch_size": 3})
    jam(session, 3)
    assert tiny.acetui("take", str(session), "pin", "2").returncode == 0
    jam(session, 2, "--policy", "siblings")
    assert layouts(session)[:3] == [(0, 3), (1, 3), (2, 3)]
    assert [outcome["reason"] for outcome in verified(session, 5)] == ["Identical."] * 5
    tiny.acetui("studio", str(session), "--stop")
    (session / "takes.db").unlink()  # so that every JSON is read again
    other = next((session / "takes").glob("0002-*.json"))
    told = json.loads(other.read_text())
    other.write_text(json.dumps(told | {"request": told["request"] | {"caption": "Something else"}}))
    assert [outcome["identical"] for outcome in verified(session, 3)] == [True, False, True]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_all_eight_positions_are_identical_whatever_was_asked_for(place: Path, kind: str) -> None:
    session = tiny.session(place, recipe=RECIPE | KINDS[kind] | {"batch_size": 8})
    jam(session, 16)
    assert {index for index, _ in layouts(session)} == set(range(8))
    assert [outcome["reason"] for outcome in verified(session, 16)] == ["Identical."] * 16
