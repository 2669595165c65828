"""What the studio says of its machine: which card, how full, and only when that has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cards import SIMULATED
from engine.memory import memory_bytes, processor
from sessions import studio
from sessions.machine import Machine
from tests.engine.nvml_double import GB, DoubleCard, library
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

CPU = {"instruction_set": "AVX2", "device": "x86_64"}
CARD = {"instruction_set": None, "device": "NVIDIA GeForce RTX 4060"}


def look(device: str, identity: dict[str, Any] | None = None, size: str = "") -> dict[str, Any]:
    """What is said of the machine with an engine of that identity, or none."""
    engine: Any = SimpleNamespace(loaded=identity and SimpleNamespace(identity=identity), pid=None, pids=())
    found = Machine(engine, device=lambda: device, env={SIMULATED: size})
    return asyncio.run(found.now())


def test_a_card_in_tenths_and_degrees() -> None:
    card = DoubleCard(total=int(15.99 * GB), used=int(3.14 * GB), temperature=54)
    with library(card):
        found = look("auto", CARD)
    assert found.pop("cores") >= 1
    assert found == {
        "device": "cuda",
        "name": "NVIDIA GeForce RTX 4060",
        "tier": "tier6a",
        "total_gb": 16.0,
        "used_gb": 3.1,
        "temperature": 54,
        "cards": 1,
        "simulated": False,
    }


def test_the_engine_knows_better_than_the_recipe_what_renders() -> None:
    with library(DoubleCard()):
        assert look("auto")["device"] == "cuda"
        assert look("auto", CPU)["device"] == "cpu"
        assert look("cpu")["device"] == "cpu"
        assert look("auto", {"instruction_set": None, "device": "mps"})["device"] == "mps"
    with library():
        other = look("cuda", {"instruction_set": None, "device": "AMD Radeon"})
        assert (other["device"], other["name"], other["tier"], other["total_gb"]) == ("cuda", "AMD Radeon", None, None)


def test_a_computer_without_a_card_has_its_own_memory() -> None:
    with library():
        found = look("auto", CPU)
    assert (found["name"], found["tier"], found["temperature"]) == (processor(), "tier1", None)
    assert (found["total_gb"], found["used_gb"]) == (round(memory_bytes() / GB, 1), 0.0)


def test_another_size_can_be_pretended() -> None:
    with library(DoubleCard(total=80 * GB, used=9 * GB)):
        found = look("auto", CARD, "12")
        assert (found["tier"], found["total_gb"], found["used_gb"], found["simulated"]) == ("tier4", 12.0, 9.0, True)
    with library():
        found = look("auto", CPU, "8")
        assert (found["device"], found["tier"], found["total_gb"], found["simulated"]) == ("cpu", "tier3", 8.0, True)


def test_a_card_that_tells_little_is_no_trouble() -> None:
    with library(DoubleCard(total=None, temperature=None)):
        found = look("auto", CARD)
    assert (found["tier"], found["total_gb"], found["used_gb"], found["temperature"]) == (None,) * 4


@pytest.mark.usefixtures("state")
def test_changes_are_told_while_somebody_is_attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "LOOK_SECONDS", 0.01)

    async def act(ask: Api) -> None:
        def told() -> list[dict[str, Any]]:
            return [dict(event.data) for event in ask.studio.events.after(0) if event.event == "machine"]

        def ids() -> list[int]:
            return [event.id for event in ask.studio.events.after(0) if event.event == "machine"]

        assert (await ask("GET", "/api/session"))["machine"]["total_gb"] == 8.0
        await asyncio.sleep(0.1)
        before = told()
        card.used = 5 * GB
        await asyncio.sleep(0.1)
        assert told() == before  # nobody is there to hear it
        async with await ask.raw("GET", "/api/events"):
            await ask.until(lambda: told() and told()[-1]["used_gb"] == 5.0)
            (before,) = ids()
            card.used += 1000
            await asyncio.sleep(0.1)
            assert ids() == [before]
            card.temperature = 70
            await ask.until(lambda: told()[-1]["temperature"] == 70)
            assert len(told()) == 1  # only the latest is kept

    card = DoubleCard()
    with library(card):
        on_api(tmp_path, act, models={"device": "cuda"})
