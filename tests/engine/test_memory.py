"""Cards as NVML tells of them, the machine without any, and the table of tiers."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest

from engine import memory
from engine.memory import GB, Card, Cards, card_for, simulated_gb
from engine.tiers import TIERS, tier_of
from tests.engine.nvml_double import DoubleCard, library

BIG = DoubleCard(name="NVIDIA H200", uuid="GPU-22bb", total=139 * GB, used=3 * GB)


def test_cards_tell_what_they_are() -> None:
    cards = Cards()
    with library(DoubleCard(), BIG) as nvml:
        small, big = cards.look()
        assert small == Card(
            index=0,
            name="NVIDIA GeForce RTX 4060",
            uuid="GPU-11aa",
            driver="570.1",
            total=8 * GB,
            used=GB,
            free=7 * GB,
            temperature=41,
            utilisation=7,
            power=20.5,
        )
        assert (big.index, big.name, big.free) == (1, "NVIDIA H200", 136 * GB)
        nvml.cards[0].used, nvml.cards[0].temperature = 2 * GB, 60
        assert (cards.look()[0].used, cards.look()[0].temperature) == (2 * GB, 60)
        assert nvml.opened == 1
        cards.close()
        assert nvml.opened == 0
        cards.close()


def test_what_a_card_does_not_tell_is_left_open() -> None:
    with library(DoubleCard(total=None, temperature=None, load=None, milliwatts=None)):
        (card,) = Cards().look()
    assert (card.total, card.used, card.free, card.temperature, card.utilisation, card.power) == (None,) * 6
    assert card.name


def test_a_driver_that_goes_away_comes_back() -> None:
    cards = Cards()
    with library(DoubleCard()) as nvml:
        assert len(cards.look()) == 1
        for status in (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_UNKNOWN):
            nvml.status = status
            assert cards.look() == ()
            assert cards.look() == ()
            nvml.status = pynvml.NVML_SUCCESS
            assert len(cards.look()) == 1


def test_without_nvml_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    with library() as nvml:
        nvml.status = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
        assert Cards().look() == ()
    monkeypatch.setitem(sys.modules, "pynvml", None)  # the binding is not installed
    assert Cards().look() == ()


def test_a_mistake_of_ours_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_cards", lambda nvml: 1 / 0)
    with library(DoubleCard()), pytest.raises(ZeroDivisionError):
        Cards().look()


ONE, TWO = Card(index=0, name="a", uuid="GPU-aa"), Card(index=1, name="b", uuid="GPU-bb")


@pytest.mark.parametrize(
    ("device", "visible", "found"),
    [
        ("auto", None, ONE),
        ("cuda", None, ONE),
        ("cuda:1", None, TWO),
        ("cuda:2", None, None),
        ("cpu", None, None),
        ("mps", None, None),
        ("cuda", "1", TWO),
        ("cuda:1", "1,0", ONE),
        ("cuda", "GPU-bb", TWO),
        ("cuda", "GPU-b", TWO),
        ("auto", "", None),
        ("cuda", "-1", None),
        ("cuda:x", None, ONE),
    ],
)
def test_the_card_that_is_meant(device: str, visible: str | None, found: Card | None) -> None:
    env = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert card_for(device, [ONE, TWO], env) == found
    assert card_for(device, [], env) is None


def test_another_size_can_be_simulated() -> None:
    card = Card(index=0, name="a", total=80 * GB, used=9 * GB, free=71 * GB)
    assert card.sized(None) is card
    small = card.sized(8.0)
    assert (small.total, small.used, small.free, small.simulated) == (8 * GB, 8 * GB, 0, True)
    assert card.sized(12.5).free == int(3.5 * GB)
    for text, size in (
        ("8", 8.0),
        ("15.5", 15.5),
        ("", None),
        ("eight", None),
        ("nan", None),
        ("-1", None),
        ("0", None),
    ):
        assert simulated_gb({memory.SIMULATED: text}) == size
    assert simulated_gb({}) is None


@pytest.mark.parametrize(
    ("gb", "name"),
    [
        *((0, "tier1"), (4, "tier1"), (4.01, "tier2"), (5.9, "tier2"), (6, "tier2"), (6.01, "tier3"), (7.9, "tier3")),
        *((8, "tier3"), (8.01, "tier4"), (11.9, "tier4"), (12, "tier4"), (12.01, "tier5"), (15.49, "tier5")),
        *((15.5, "tier6a"), (16, "tier6a"), (19.99, "tier6a"), (20, "tier6b"), (23.6, "tier6b"), (24, "tier6b")),
        *((24.01, "unlimited"), (80, "unlimited"), (-1, "tier1")),
    ],
)
def test_the_boundaries_of_the_tiers(gb: float, name: str) -> None:
    assert tier_of(gb).name == name


def test_the_table_never_gets_worse_towards_larger_cards() -> None:
    for small, large in itertools.pairwise(TIERS):
        assert set(small.planners) <= set(large.planners)
        assert all(a <= b for a, b in zip(small.most_takes, large.most_takes, strict=True))
        assert (small.offload, small.offload_dit, small.int8) >= (large.offload, large.offload_dit, large.int8)
        assert large.planner is None or large.planner in large.planners


def test_the_computer_itself_is_known() -> None:
    assert memory.processor()
    assert 1 <= memory.cores() <= (os.cpu_count() or 1)
    assert memory.memory_bytes() > GB // 4


def test_a_container_has_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"

    def path(name: str) -> Any:
        return limit if name == "/sys/fs/cgroup/memory.max" else tmp_path / "nothing"

    monkeypatch.setattr(memory, "Path", path)
    limit.write_text(f"{GB // 8}\n")
    assert memory.memory_bytes() == GB // 8
    limit.write_text("max\n")
    assert memory.memory_bytes() > GB // 8


def test_nobody_loads_torch_or_asks_nvml_by_importing(tmp_path: Path) -> None:
    look = "import sys, engine.memory, engine.tiers; print({'torch', 'pynvml', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
