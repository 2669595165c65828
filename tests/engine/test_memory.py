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

from engine import cards, memory
from engine.card_files import amd_cards, driverless, silent_cards
from engine.cards import GB, Card, Tenant, card_for, simulated_gb
from engine.memory import Cards
from engine.tiers import TIERS, needed_gb, needed_in_turns_gb, published_tier_of, tier_of
from tests.engine.nvml_double import DoubleCard, library

BIG = DoubleCard(name="NVIDIA H200", uuid="GPU-22bb", total=139 * GB, used=3 * GB)


def test_cards_tell_what_they_are() -> None:
    asked = Cards()
    with library(DoubleCard(), BIG) as nvml:
        small, big = asked.look()
        assert small == Card(
            index=0,
            name="NVIDIA GeForce RTX 4060",
            uuid="GPU-11aa",
            driver="570.1",
            cuda=(12, 8),
            total=8 * GB,
            used=GB,
            free=7 * GB,
            temperature=41,
            utilisation=7,
            power=20.5,
        )
        assert (big.index, big.name, big.free) == (1, "NVIDIA H200", 136 * GB)
        nvml.cards[0].used, nvml.cards[0].temperature = 2 * GB, 60
        assert (asked.look()[0].used, asked.look()[0].temperature) == (2 * GB, 60)
        assert nvml.opened == 1
        asked.close()
        assert nvml.opened == 0
        asked.close()


def test_who_else_computes_there_and_what_it_can_do() -> None:
    with library(DoubleCard(capability=(8, 9), tenants=((41, 3 * GB), (42, GB)), drawing=((43, 4 * GB),))) as nvml:
        nvml.programs = {41: "/usr/bin/python3.11", 43: "C:\\Games\\game.exe"}
        (card,) = Cards().look()
        told = memory.crowd("auto", (43,))
    assert card.capability == (8, 9)
    assert set(card.tenants) == {Tenant(41, 3 * GB, "python3.11"), Tenant(42, GB), Tenant(43, 4 * GB, "game.exe")}
    assert card.crowd() == "game.exe (process 43) has 4.0 GB, and 2 more"
    assert card.crowd((41, 43)) == "a program (process 42) has 1.0 GB"
    assert card.crowd((41, 42, 43)) == ""
    assert told == "On the card python3.11 (process 41) has 3.0 GB, and 1 more."
    with library():
        assert memory.crowd("auto", ()) == ""


def test_a_card_in_slices_is_its_slices() -> None:
    first = DoubleCard(name="NVIDIA A100 MIG 3g.20gb", uuid="MIG-aa", total=20 * GB, used=0)
    second = DoubleCard(name="NVIDIA A100 MIG 2g.10gb", uuid="MIG-bb", total=10 * GB, used=4 * GB)
    parent = DoubleCard(name="NVIDIA A100", uuid="GPU-cc", total=40 * GB, temperature=50, slices=(first, second))
    with library(parent, DoubleCard(uuid="GPU-dd")):
        found = Cards().look()
    assert [card.name for card in found] == [first.name, second.name, "NVIDIA GeForce RTX 4060"]
    assert [card.total for card in found] == [20 * GB, 10 * GB, 8 * GB]
    assert [card.slice_of for card in found] == ["GPU-cc", "GPU-cc", ""]
    assert found[0].temperature == 50
    # Which of them a program sees: the first, unless it is told another one.
    assert card_for("cuda", found, {}) == found[0]
    assert card_for("cuda:1", found, {}) == found[2]
    assert card_for("cuda", found, {"CUDA_VISIBLE_DEVICES": "MIG-bb"}) == found[1]


def test_a_card_that_could_be_cut_and_is_not_is_whole() -> None:
    with library(DoubleCard(slices=())):
        assert [card.name for card in Cards().look()] == ["NVIDIA GeForce RTX 4060"]


def test_amd_cards_are_in_the_systems_files(tmp_path: Path) -> None:
    device = tmp_path / "sys/class/drm/card1/device"
    (device / "hwmon/hwmon3").mkdir(parents=True)
    for name, text in {
        "vendor": "0x1002",
        "product_name": "Radeon RX 7900 XTX",
        "mem_info_vram_total": str(24 * GB),
        "mem_info_vram_used": str(2 * GB),
        "gpu_busy_percent": "13",
        "unique_id": "ab12",
        "hwmon/hwmon3/temp1_input": "61000",
    }.items():
        (device / name).write_text(f"{text}\n")
    (tmp_path / "sys/class/drm/card1-HDMI-A-1").symlink_to(device.parent)
    other = tmp_path / "sys/class/drm/card0/device"
    other.mkdir(parents=True)
    (other / "vendor").write_text("0x8086\n")
    (card,) = amd_cards(tmp_path)
    assert (card.name, card.maker, card.total, card.free) == ("Radeon RX 7900 XTX", "AMD", 24 * GB, 22 * GB)
    assert (card.temperature, card.utilisation, card.uuid) == (61, 13, "ab12")
    assert card_for("auto", [card], {"HIP_VISIBLE_DEVICES": ""}) is None
    assert card_for("auto", [card], {"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": ""}) == card
    (device / "mem_info_vram_used").unlink()
    assert amd_cards(tmp_path)[0].free is None
    assert amd_cards(tmp_path / "nothing") == ()


def test_a_card_without_nvml_is_there_all_the_same(tmp_path: Path) -> None:
    assert silent_cards(tmp_path) == ()
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    assert silent_cards(tmp_path) == ("a card of NVIDIA's (nvidia0)",)
    told = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0"
    told.mkdir(parents=True)
    (told / "information").write_text("Model: \t\t NVIDIA H100\nIRQ: 12\n")
    assert silent_cards(tmp_path) == ("NVIDIA H100",)


def test_a_card_without_its_driver_is_on_the_bus(tmp_path: Path) -> None:
    for place, vendor, kind, driver in (
        ("0000:01:00.0", "0x10de", "0x030000", ""),
        ("0000:01:00.1", "0x10de", "0x040300", ""),  # its sound
        ("0000:02:00.0", "0x10de", "0x030200", "nvidia"),
        ("0000:03:00.0", "0x10de", "0x030000", "vfio-pci"),
        ("0000:04:00.0", "0x10de", "0x030000", "nouveau"),
        ("0000:05:00.0", "0x8086", "0x030000", ""),
    ):
        device = tmp_path / "sys/bus/pci/devices" / place
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "class").write_text(f"{kind}\n")
        if driver:
            (tmp_path / driver).mkdir(exist_ok=True)
            (device / "driver").symlink_to(tmp_path / driver)
    assert driverless(tmp_path) == ("0000:01:00.0", "0000:04:00.0")
    assert driverless(tmp_path / "nothing") == ()


def test_what_a_card_does_not_tell_is_left_open() -> None:
    with library(DoubleCard(total=None, temperature=None, load=None, milliwatts=None)):
        (card,) = Cards().look()
    assert (card.total, card.used, card.free, card.temperature, card.utilisation, card.power) == (None,) * 6
    assert card.name


def test_a_driver_that_goes_away_comes_back() -> None:
    asked = Cards()
    with library(DoubleCard()) as nvml:
        assert len(asked.look()) == 1
        for status in (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_UNKNOWN):
            nvml.status = status
            assert asked.look() == ()
            assert asked.look() == ()
            nvml.status = pynvml.NVML_SUCCESS
            assert len(asked.look()) == 1


def test_without_nvml_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.card_files, "amd_cards", lambda: ())
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
        ("cuda:1", "-1,0", None),  # behind what is nobody's there is nothing
        ("cuda:x", None, ONE),
    ],
)
def test_the_card_that_is_meant(device: str, visible: str | None, found: Card | None) -> None:
    env = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert card_for(device, [ONE, TWO], env) == found
    assert card_for(device, [], env) is None


@pytest.mark.parametrize(("sizes", "place"), [((8, 24), 1), ((24, 8), 0), ((16, 16), 0), ((None, 24), 1)])
def test_auto_is_the_largest_of_several_and_the_first_of_equal_ones(sizes: tuple[int | None, ...], place: int) -> None:
    cards = [Card(index=at, name="a", total=size and size * GB) for at, size in enumerate(sizes)]
    assert card_for("auto", cards, {}) is cards[place]
    assert card_for("cuda", cards, {}) is cards[0]
    assert card_for("auto", cards, {"CUDA_VISIBLE_DEVICES": "0"}) is cards[0]


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
        assert simulated_gb({cards.SIMULATED: text}) == size
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


@pytest.mark.parametrize(
    ("gb", "name"),
    [
        *((3.9, "tier1"), (4, "tier1"), (5, "tier2"), (5.9, "tier3"), (7.9, "tier4"), (8, "tier4"), (11.9, "tier5")),
        *((12, "tier5"), (15.6, "tier6a"), (16, "tier6a"), (19.6, "tier6b"), (23.6, "unlimited"), (24, "unlimited")),
        *((10.4, "tier4"), (80, "unlimited")),
    ],
)
def test_the_guide_goes_by_the_size_on_the_box(gb: float, name: str) -> None:
    assert published_tier_of(gb).name == name


def test_the_published_arithmetic() -> None:
    # From the published figures: 4.7 + 1.54 + 1.0 = 7.24 GB beside what takes and a planner need.
    assert needed_gb(xl=False, guided=False) == pytest.approx(7.54)
    assert needed_gb(xl=False, guided=False, takes=4, seconds=120) == pytest.approx(7.24 + 4 * 0.3 * 2)
    assert needed_gb(xl=False, guided=True, planner="0.6B") == pytest.approx(7.24 + 0.6 + 1.8)
    assert needed_gb(xl=True, guided=False) == pytest.approx(12.04)
    assert needed_gb(xl=False, guided=False, seconds=10) == needed_gb(xl=False, guided=False, seconds=60)
    assert needed_in_turns_gb(xl=True, guided=False) == pytest.approx(11.7)
    assert needed_in_turns_gb(xl=False, guided=False) == pytest.approx(7.2)


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
